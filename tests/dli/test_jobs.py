from dataclasses import replace

import msgspec
import pytest
from huaweicloudsdkdli.v1 import model

from penstock.dli import encoding
from penstock.dli import jobs as wire
from penstock.domain.job import JobConfig, JobFilter, Status
from tests.dli.test_config import job_with

JOB = job_with(JobConfig())


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        (b"", JobFilter("p")),
        (b"cursor=0&next=true", JobFilter("p")),
        (b"cursor=5&next=false", JobFilter("p", after_id=5, backwards=True)),
        (b"next=false", JobFilter("p")),
        (b"cursor=0&next=false", JobFilter("p")),
        (b"tags=a%3Db%3Dc%2Cd%3D", JobFilter("p", tags={"a": "b=c", "d": ""})),
        (b"status=job_idle&order=asc&limit=0", JobFilter("p", status=Status.IDLE, descending=False, limit=0)),
    ],
)
def test_a_query_becomes_a_filter(query: bytes, wanted: JobFilter) -> None:
    assert encoding.read_query(query, wire.ListQuery).filter("p") == wanted


@pytest.mark.parametrize(
    ("started_at", "ended_at", "duration"),
    [(None, None, 0), (None, 50, 0), (40, None, 60), (40, 90, 50), (200, None, 0)],
)
def test_duration_is_from_the_first_start_to_the_end_or_now(
    started_at: int | None, ended_at: int | None, duration: int
) -> None:
    job = replace(JOB, started_at=started_at, ended_at=ended_at)
    assert wire.summary(job, now=100).duration == duration


def test_a_detail_has_no_start_time_of_its_own_before_the_start() -> None:
    assert wire.detail(JOB, not_started=0).start_time == 0
    assert wire.detail(JOB, not_started=None).start_time is None
    assert wire.detail(replace(JOB, started_at=5), not_started=0).start_time == 5


def test_the_official_sdk_knows_every_key_of_a_job() -> None:
    known = set(model.FlinkJob.attribute_map.values())
    assert {*wire.Summary.__struct_fields__, *wire.Detail.__struct_fields__} <= known


def test_the_official_sdk_sends_no_parameter_that_is_not_read() -> None:
    assert set(model.ListFlinkJobsRequest.attribute_map.values()) <= set(wire.ListQuery.__struct_fields__)


def test_answers_begin_with_the_verdict() -> None:
    answers = [wire.listed([], 0, 1), wire.shown(JOB), wire.Done(message="m")]
    for answer in answers:
        assert next(iter(msgspec.to_builtins(answer).items())) == ("is_success", "true")


@pytest.mark.covers("C7")
@pytest.mark.parametrize(
    ("status", "reason", "shown"),
    [
        (Status.RUNNING, "", "last known; its cluster has not answered since 1970-01-01 00:00:05 UTC"),
        (
            Status.SUBMITTING,
            "no slot is free",
            "last known; its cluster has not answered since 1970-01-01 00:00:05 UTC; no slot is free",
        ),
        (Status.FINISHED, "done", "done"),
    ],
)
def test_an_active_job_on_a_silent_cluster_says_since_when_it_is_silent(
    status: Status, reason: str, shown: str
) -> None:
    job = replace(JOB, status=status, reason=reason, unreachable_since=5_999)
    assert wire.summary(job, now=9_000).status_desc == shown
    assert wire.detail(replace(job, unreachable_since=None), not_started=0).status_desc == reason


def test_a_job_whose_row_cannot_be_read_says_so() -> None:
    assert wire.summary(replace(JOB, unreadable="cannot be read"), now=9_000).status_desc == "cannot be read"
