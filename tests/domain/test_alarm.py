"""Which changes call for an alarm, what it says, and when it is tried again."""

from dataclasses import replace

import pytest

from penstock.domain import alarm
from penstock.domain.errors import Invalid
from penstock.domain.job import Goal, Job, JobConfig, Status
from tests.domain.cases import NOW, RUNNING, SUBMITTED, job, with_run

CONFIG = JobConfig(alarm_topic="oncall")


def called_for(before: Job, status: Status, **fields: object) -> bool:
    before = replace(before, config=CONFIG)
    return alarm.is_called_for(before, replace(before, status=status, **fields), NOW)


@pytest.mark.parametrize(
    ("before", "status", "expected"),
    [
        (RUNNING, Status.EXCEPTION, True),
        (replace(RUNNING, goal=Goal.STOP_WITH_SAVEPOINT, status=Status.SAVEPOINTING), Status.EXCEPTION, True),
        (RUNNING, Status.FINISHED, False),
        (RUNNING, Status.CANCELLED, False),
        (RUNNING, Status.RUNNING, False),
        (SUBMITTED, Status.SUBMIT_FAILED, False),
        (with_run(SUBMITTED, attempts=2), Status.SUBMIT_FAILED, True),
        (with_run(SUBMITTED, lost=1), Status.SUBMIT_FAILED, True),
        (replace(SUBMITTED, requested_at=NOW - alarm.PATIENCE_MS - 1), Status.SUBMIT_FAILED, True),
        (replace(SUBMITTED, requested_at=NOW - alarm.PATIENCE_MS, run=None), Status.SUBMIT_FAILED, False),
        (replace(RUNNING, goal=Goal.STOP, status=Status.CANCELING), Status.CANCEL_FAILED, True),
        (replace(RUNNING, goal=Goal.WATCH, status=Status.SAVEPOINTING), Status.CANCEL_FAILED, False),
    ],
)
def test_an_end_that_nobody_asked_for_or_watches_calls_for_an_alarm(
    before: Job, status: Status, expected: bool
) -> None:
    assert called_for(before, status) is expected


def test_a_job_without_a_topic_or_deleted_calls_for_none() -> None:
    failed = replace(RUNNING, status=Status.EXCEPTION)
    assert not alarm.is_called_for(RUNNING, failed, NOW)
    assert not called_for(RUNNING, Status.EXCEPTION, deleted_at=NOW)


def test_a_job_that_stays_what_it_is_calls_for_no_second_one() -> None:
    assert not called_for(replace(RUNNING, status=Status.EXCEPTION), Status.EXCEPTION, reason="other")


def test_an_alarm_says_which_job_has_become_what_why_and_when() -> None:
    failed = job(id=7, status=Status.EXCEPTION, reason="ArithmeticException: / by zero")
    assert alarm.title(failed) == "Penstock job 7 (clicks): job_running_exception"
    assert alarm.body(failed, "analytics", 1_700_000_000_123).splitlines() == [
        "job: 7 (clicks)",
        "project: analytics (project)",
        "status: job_running_exception",
        "reason: ArithmeticException: / by zero",
        "time: 2023-11-14 22:13:20 UTC",
    ]


def test_a_long_reason_is_cut_and_a_missing_one_is_said_to_be_unknown() -> None:
    assert len(alarm.body(job(reason="x" * 100_000), "p", 0)) < 1_200
    assert "reason: unknown" in alarm.body(job(), "p", 0)


@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("oncall", "oncall"),
        ("urn:smn:eu-west-101:0123456789:oncall", "oncall"),
        ("other:oncall", "other:oncall"),
        ("on\x00call ½", "on?call ?"),
        ("x" * 512, "x" * 256),
    ],
)
def test_a_topic_is_named_by_its_name_or_its_urn(setting: str, name: str) -> None:
    assert alarm.topic_of(setting) == name


@pytest.mark.parametrize("name", ["", "-a", "a b", "a:b", "ü", "a" * 256, "a\n"])
def test_odd_names_of_topics_are_refused(name: str) -> None:
    with pytest.raises(Invalid):
        alarm.check_topic_name(name)


def test_common_names_of_topics_are_taken() -> None:
    for name in ("oncall", "9-to_5", "a" * 255):
        alarm.check_topic_name(name)


def test_tries_grow_apart_from_a_minute_to_an_hour_and_end_after_a_day() -> None:
    now, waits = 0, []
    while (due_at := alarm.next_try(0, len(waits) + 1, now)) is not None:
        waits.append((due_at - now) // 60_000)
        now = due_at
    assert waits[:8] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert 23 * 3_600_000 < now <= 24 * 3_600_000
