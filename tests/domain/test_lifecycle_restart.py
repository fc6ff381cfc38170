"""What `decide` makes of a job that has failed or is lost: whether it is restarted, and from what."""

from dataclasses import replace

import pytest

from penstock.domain import ending, learning, lifecycle
from penstock.domain.engine import (
    Cancel,
    Ending,
    Refusal,
)
from penstock.domain.job import Job, JobConfig, Run, Status
from penstock.domain.lifecycle import Step
from tests.domain.cases import (
    ENDED,
    NOW,
    RESTARTABLE,
    RUNNING,
    SENT,
    STARTING,
    absent,
    alive,
    at_rest,
    decide,
    ended,
    flags,
    submit,
    with_run,
)

# --- failures before the job ever ran ---


@pytest.mark.parametrize("config", [JobConfig(), flags()], ids=["without restarts", "with restarts"])
def test_a_job_that_fails_before_it_ran_is_not_restarted(config: JobConfig) -> None:
    before = replace(STARTING, config=config)
    step = decide(before, ended(Ending.FAILED, ran=False, cause="no such class"))
    assert step == at_rest(before, Status.SUBMIT_FAILED, "no such class")


@pytest.mark.parametrize("config", [JobConfig(), flags()], ids=["without restarts", "with restarts"])
def test_a_job_that_flink_loses_before_it_ran_has_failed_to_be_submitted(config: JobConfig) -> None:
    before = replace(with_run(STARTING, missing_since=NOW - lifecycle.MISSING_GRACE_MS), config=config)
    assert decide(before, absent()) == at_rest(before, Status.SUBMIT_FAILED, "Flink no longer has this job")


def test_a_job_that_cannot_be_restored_is_cancelled_until_it_is_gone_and_then_has_failed() -> None:
    before = with_run(replace(STARTING, config=flags()), resume_from="obs://b/sp/")
    reason = "cannot be restored from obs://b/sp/: state of operator 7 is lost"
    doomed = with_run(before, doomed=reason)
    look = alive(all_running=False, restore_failed=True, cause="state of operator 7 is lost")
    assert decide(before, look) == Step(doomed, Cancel("run"))
    assert decide(doomed, alive(all_running=False)) == Step(doomed, Cancel("run"))
    assert decide(doomed, alive(all_running=False, cancelling=True)) == Step(doomed)
    for how in Ending:
        assert decide(doomed, ended(how, ran=False, cause="other")) == at_rest(doomed, Status.SUBMIT_FAILED, reason)


def test_a_job_that_cannot_be_restored_and_is_lost_has_failed_for_the_same_reason() -> None:
    again = with_run(RESTARTABLE, ran=False, doomed="cannot be restored", missing_since=1)
    assert decide(again, absent()) == at_rest(again, Status.EXCEPTION, "cannot be restored", ended_at=NOW)
    first = replace(again, started_at=None)
    assert decide(first, absent()) == at_rest(first, Status.SUBMIT_FAILED, "cannot be restored")


def test_a_job_that_failed_over_a_restore_error_is_not_restarted() -> None:
    before = with_run(replace(STARTING, config=flags()), resume_from="obs://b/sp/")
    reason = "cannot be restored from obs://b/sp/: max parallelism differs"
    look = ended(Ending.FAILED, ran=False, restore_failed=True, cause="max parallelism differs")
    step = decide(before, look)
    assert step == at_rest(with_run(before, doomed=reason), Status.SUBMIT_FAILED, reason)


# --- failures after the job ran ---


@pytest.mark.covers("D5")
def test_a_failed_job_that_is_not_to_be_restarted_ends_with_its_root_cause() -> None:
    step = decide(RUNNING, ended(Ending.FAILED, cause="/ by zero", checkpoint="obs://b/chk-9/"))
    kept = with_run(RUNNING, checkpoint="obs://b/chk-9/")
    assert step == at_rest(kept, Status.EXCEPTION, "/ by zero", newest_state="obs://b/chk-9/")


def restarted(before: Job, resume_from: str | None, cause: str = "boom", at: int = ENDED) -> Job:
    return replace(
        before,
        status=Status.RUNNING,
        reason=cause,
        run=Run("new", at + ending.RESTART_DELAY_MS, resume_from, troubled=True),
        restart_count=before.restart_count + 1,
        restarts=(*before.restarts, at),
    )


@pytest.mark.covers("E21")
@pytest.mark.covers("C25")
@pytest.mark.parametrize(
    ("from_checkpoint", "newest", "restore_point", "resume_from"),
    [
        (True, "obs://b/chk-7/", "obs://b/sp/", "obs://b/chk-7/"),
        (True, None, "obs://b/sp/", "obs://b/sp/"),
        (True, None, None, None),
        (False, "obs://b/chk-7/", "obs://b/sp/", None),
    ],
)
def test_a_failed_job_restarts_from_what_its_flags_name(
    from_checkpoint: bool, newest: str | None, restore_point: str | None, resume_from: str | None
) -> None:
    config = replace(flags(), restart_from_checkpoint=from_checkpoint)
    before = replace(RUNNING, config=config, newest_state=newest, restore_point=restore_point)
    assert decide(before, ended(Ending.FAILED, cause="boom")) == Step(restarted(before, resume_from))


def test_a_checkpoint_first_told_of_a_failed_job_is_the_one_it_restarts_from() -> None:
    step = decide(RESTARTABLE, ended(Ending.FAILED, cause="boom", checkpoint="obs://b/chk-8/"))
    assert step == Step(restarted(replace(RESTARTABLE, newest_state="obs://b/chk-8/"), "obs://b/chk-8/"))


def test_a_restart_waits_a_moment_then_is_sent_and_is_well_again_once_it_runs() -> None:
    waiting = restarted(RESTARTABLE, "obs://b/chk-7/", at=NOW)
    due = NOW + ending.RESTART_DELAY_MS
    assert decide(waiting, absent(at=due - 1), due - 1) == Step(waiting)
    sent = with_run(waiting, sent_at=due, **SENT)
    assert decide(waiting, absent(at=due), due) == submit(sent)
    well = with_run(replace(sent, reason=""), seen=True, ran=True, troubled=False)
    assert decide(sent, alive(at=due + 1), due + 1) == Step(well)


def test_a_restart_that_nobody_looked_after_for_long_is_sent_all_the_same() -> None:
    waiting = restarted(RESTARTABLE, "obs://b/chk-7/", at=NOW)
    late = NOW + learning.HOUR_MS
    sent = with_run(waiting, submit_at=late, sent_at=late, **SENT)
    assert decide(waiting, absent(at=late), late) == submit(sent)


def test_a_restart_that_fails_before_it_ran_counts_as_one_restart_more() -> None:
    again = with_run(restarted(RESTARTABLE, "obs://b/chk-7/"), attempts=1, seen=True)
    step = decide(again, ended(Ending.FAILED, ran=False, cause="no slot"))
    assert step == Step(restarted(again, "obs://b/chk-7/", "no slot"))


def test_a_restart_that_flink_refuses_is_the_end_whichever_attempt_it_was() -> None:
    once = with_run(restarted(RESTARTABLE, "obs://b/chk-7/"), attempts=1)
    step = decide(once, Refusal("new", "no state there", state_missing=True))
    assert step == at_rest(once, Status.EXCEPTION, "no state there", NOW)
    noted = with_run(once, attempts=2, refused="no state there")
    over = noted.run.submit_at + lifecycle.SUBMIT_WINDOW_MS
    assert decide(noted, absent(at=over), over) == at_rest(noted, Status.EXCEPTION, "no state there", over)


def test_a_restart_that_cannot_be_restored_is_the_end() -> None:
    again = with_run(restarted(RESTARTABLE, "obs://b/chk-7/"), attempts=1, seen=True)
    reason = "cannot be restored from obs://b/chk-7/: type changed"
    look = ended(Ending.FAILED, ran=False, restore_failed=True, cause="type changed")
    assert decide(again, look) == at_rest(with_run(again, doomed=reason), Status.EXCEPTION, reason)


@pytest.mark.covers("E25")
@pytest.mark.parametrize(
    ("limit", "minutes_ago", "may"),
    [
        (0, [], False),
        (1, [], True),
        (1, [59], False),
        (1, [60], True),
        (3, [90, 59, 30, 1], False),
        (3, [90, 61, 30, 1], True),
        (-1, [1] * 500, True),
    ],
)
def test_restarts_have_a_budget_of_the_last_hour(limit: int, minutes_ago: list[int], may: bool) -> None:
    restarts = tuple(ENDED - minutes * 60_000 for minutes in minutes_ago)
    before = replace(RESTARTABLE, config=flags(restart_limit_per_hour=limit), restarts=restarts)
    status = decide(before, ended(Ending.FAILED, cause="boom")).job.status
    assert status is (Status.RUNNING if may else Status.EXCEPTION)


@pytest.mark.covers("E25")
@pytest.mark.parametrize(("of_flink", "may"), [(1, True), (2, False)])
def test_the_budget_counts_the_restarts_of_flink_and_ours_together(of_flink: int, may: bool) -> None:
    before = replace(RESTARTABLE, config=flags(restart_limit_per_hour=3), restarts=(NOW - 60_000,), restart_count=1)
    step = decide(before, ended(Ending.FAILED, cause="boom", restarts=of_flink))
    assert step.job.status is (Status.RUNNING if may else Status.EXCEPTION)
    assert step.job.restart_count == 1 + of_flink + may


def test_a_job_that_flink_does_not_show_is_lost_only_after_a_grace_period() -> None:
    missing = with_run(RUNNING, missing_since=NOW)
    over = NOW + lifecycle.MISSING_GRACE_MS
    assert decide(RUNNING, absent()) == Step(missing)
    assert decide(missing, absent(at=over - 1), over - 1) == Step(missing)
    lost = at_rest(missing, Status.EXCEPTION, "Flink no longer has this job", over)
    assert decide(missing, absent(at=over), over) == lost


def test_a_job_that_flink_shows_again_within_the_grace_period_was_never_away() -> None:
    assert decide(with_run(RUNNING, missing_since=NOW - 20_000), alive()) == Step(RUNNING)


def test_the_grace_period_runs_only_while_the_cluster_answers() -> None:
    missing = with_run(RUNNING, missing_since=NOW - learning.HOUR_MS)
    assert decide(missing, absent(since=NOW - lifecycle.MISSING_GRACE_MS + 1)) == Step(missing)


def test_a_lost_job_restarts_from_its_newest_checkpoint_under_a_new_id() -> None:
    missing = with_run(RESTARTABLE, missing_since=NOW - lifecycle.MISSING_GRACE_MS)
    after = restarted(missing, "obs://b/chk-7/", "Flink no longer has this job", NOW)
    assert decide(missing, absent()) == Step(after)
