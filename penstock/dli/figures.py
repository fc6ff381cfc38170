"""What flows through jobs, on the wire (DLI: metrics of jobs)."""

from collections.abc import Mapping, Sequence

import msgspec

from penstock.dli.jobs import JobIds
from penstock.domain.graph import Figures, Flow


class FiguresBody(msgspec.Struct):
    job_ids: JobIds


class FlowInfo(msgspec.Struct):
    name: str
    records: int
    corrupted_records: int = 0
    """Flink counts none."""


class Metric(msgspec.Struct):
    sources: Sequence[FlowInfo]
    sinks: Sequence[FlowInfo]
    total_read_rate: float
    total_write_rate: float


class JobMetric(msgspec.Struct):
    job_id: int
    metrics: Metric


class Metrics(msgspec.Struct):
    jobs: Sequence[JobMetric]


class FiguresAnswer(msgspec.Struct, kw_only=True):
    is_success: bool = True
    message: str
    metrics: Metrics


def answer(figures: Mapping[int, Figures | None]) -> FiguresAnswer:
    """Show figures by job; those that are not known are zeros, and the message names whose."""
    unknown = [str(job_id) for job_id, each in figures.items() if each is None]
    message = f"Flink cannot be asked for the metrics of jobs {', '.join(unknown)}." if unknown else ""
    jobs = [JobMetric(job_id, _metric(each or Figures())) for job_id, each in figures.items()]
    return FiguresAnswer(message=message, metrics=Metrics(jobs))


def _metric(figures: Figures) -> Metric:
    return Metric(
        [_info(each) for each in figures.sources],
        [_info(each) for each in figures.sinks],
        sum((each.rows_per_second for each in figures.sources), 0.0),
        sum((each.rows_per_second for each in figures.sinks), 0.0),
    )


def _info(flow: Flow) -> FlowInfo:
    return FlowInfo(flow.name, flow.rows)
