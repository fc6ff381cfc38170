"""What the service tells its operator: log lines, and the metrics it counts."""

import logging
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Everything that `/metrics` shows; no label carries what a user typed."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "penstock_requests",
            "Answered requests",
            ["operation", "method", "status"],
            registry=self.registry,
        )
        self.request_seconds = Histogram(
            "penstock_request_seconds",
            "Time from the head of a request until its answer is made",
            ["operation"],
            registry=self.registry,
        )
        self.jobs = Gauge("penstock_jobs", "Jobs of all projects", ["status"], registry=self.registry)
        self.engine_up = Gauge(
            "penstock_engine_up", "1 while the engine of a queue answers", ["queue_id"], registry=self.registry
        )
        self.look_seconds = Histogram(
            "penstock_look_seconds", "Time that one look at the engine takes", registry=self.registry
        )

    def render(self, jobs: Mapping[str, int]) -> bytes:
        """Give the text of `/metrics`, with the present number of jobs by status."""
        for status, count in jobs.items():
            self.jobs.labels(status).set(count)
        return generate_latest(self.registry)


class OneLine(logging.Formatter):
    """Writes each record on one line, its traceback included."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S%z")

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record).replace("\r", "").replace("\n", "\\n")


def set_up_logging(level: str = "INFO") -> None:
    """Write log lines to standard error; libraries speak up only when something is wrong."""
    handler = logging.StreamHandler()
    handler.setFormatter(OneLine())
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
    logging.getLogger("penstock").setLevel(level)
