"""What `decide` makes of a job that is to write a savepoint, to stop, or to be deleted."""

from dataclasses import replace

import pytest

from penstock.domain import ending, learning, lifecycle
from penstock.domain.engine import (
    Alive,
    Cancel,
    Ending,
    Full,
    Refusal,
    SavepointFailed,
    SavepointRefusal,
    SavepointRunning,
    SavepointState,
    SavepointWritten,
    StopWithSavepoint,
    TriggerSavepoint,
    Unreachable,
)
from penstock.domain.job import Goal, Job, Run, Savepoint, SavepointOrigin, Status
from penstock.domain.lifecycle import Step
from tests.domain.cases import (
    ENDED,
    NOW,
    REQUEST,
    RUNNING,
    SUBMITTED,
    absent,
    alive,
    asked,
    at_rest,
    decide,
    ended,
    flags,
    with_run,
)

SAVEPOINTING = replace(RUNNING, status=Status.SAVEPOINTING, savepoint_request=REQUEST)
STOPPING = replace(
    RUNNING, goal=Goal.STOP, status=Status.CANCELING, requested_at=NOW - 1_000, newest_state="obs://b/chk-7/"
)
PARKING = replace(STOPPING, goal=Goal.STOP_WITH_SAVEPOINT, status=Status.SAVEPOINTING, savepoint_request=REQUEST)
PARKED = Savepoint("obs://b/sp/savepoint-1/", SavepointOrigin.STOP)
WATCHED = replace(STOPPING, goal=Goal.WATCH, status=Status.CANCEL_FAILED, reason="not stopped")


# --- a savepoint while the job goes on ---


@pytest.mark.covers("D11")
def test_a_savepoint_is_asked_for_under_the_stored_trigger_until_flink_knows_of_it() -> None:
    ask = Step(asked(SAVEPOINTING), TriggerSavepoint("run", REQUEST))
    assert decide(SAVEPOINTING, alive()) == ask
    again = TriggerSavepoint("run", replace(REQUEST, sent=True))
    assert decide(asked(SAVEPOINTING), alive()) == Step(asked(SAVEPOINTING), again)
    assert decide(SAVEPOINTING, alive(savepoint=SavepointRunning())) == Step(SAVEPOINTING)


def test_a_savepoint_waits_until_all_tasks_run_and_not_for_ever() -> None:
    over = REQUEST.requested_at + lifecycle.SAVEPOINT_START_MS
    look = alive(at=over - 1, all_running=False)
    assert decide(SAVEPOINTING, look, over - 1) == Step(SAVEPOINTING)
    reason = "the savepoint failed: not all tasks of the job run"
    look = alive(at=over, all_running=False)
    assert decide(SAVEPOINTING, look, over) == Step(replace(RUNNING, reason=reason))
    assert decide(SAVEPOINTING, replace(look, answering_since=over - 1), over) == Step(SAVEPOINTING)
    failed = replace(WATCHED, reason=f"not stopped, {reason}")
    assert decide(PARKING, look, over) == Step(failed)


def test_a_savepoint_that_the_engine_refuses_has_failed() -> None:
    refusal = SavepointRefusal("trigger", "no such place")
    reason = "the savepoint failed: no such place"
    assert decide(SAVEPOINTING, refusal) == Step(replace(RUNNING, reason=reason))
    assert decide(PARKING, refusal) == Step(replace(WATCHED, reason=f"not stopped, {reason}"))
    assert decide(SAVEPOINTING, replace(refusal, trigger_id="earlier")) == Step(SAVEPOINTING)


@pytest.mark.covers("C13")
@pytest.mark.covers("C26")
def test_a_written_savepoint_is_on_record_and_the_job_runs_on() -> None:
    step = decide(SAVEPOINTING, alive(savepoint=SavepointWritten("obs://b/sp/savepoint-1/")))
    assert step == Step(
        replace(
            RUNNING,
            savepoint=Savepoint("obs://b/sp/savepoint-1/", SavepointOrigin.REQUEST),
            newest_state="obs://b/sp/savepoint-1/",
        )
    )


def test_a_failed_savepoint_leaves_the_job_running_and_says_why_until_something_else_happens() -> None:
    told = replace(RUNNING, reason="the savepoint failed: disk full")
    assert decide(SAVEPOINTING, alive(savepoint=SavepointFailed("disk full"))) == Step(told)
    assert decide(told, alive()) == Step(told)


def test_a_job_that_ends_while_its_savepoint_is_written_takes_the_end_it_has() -> None:
    written = Savepoint("obs://b/sp/savepoint-1/", SavepointOrigin.REQUEST)
    finished = ended(Ending.FINISHED, savepoint=SavepointWritten(written.path))
    with_savepoint = replace(SAVEPOINTING, savepoint=written, newest_state=written.path)
    assert decide(SAVEPOINTING, finished) == at_rest(with_savepoint, Status.FINISHED)
    assert decide(SAVEPOINTING, ended(Ending.FAILED, cause="boom")) == at_rest(
        SAVEPOINTING, Status.EXCEPTION, "boom"
    )


def test_a_job_that_restarts_while_its_savepoint_is_written_runs_on_without_it() -> None:
    before = replace(SAVEPOINTING, config=flags())
    after = decide(before, ended(Ending.FAILED, cause="boom")).job
    assert (after.status, after.savepoint_request, after.restart_count) == (Status.RUNNING, None, 1)


# --- a plain stop ---


@pytest.mark.covers("D8")
def test_a_live_job_is_cancelled_until_flink_cancels_it() -> None:
    for look in (alive(), alive(all_running=False), alive(savepoint=SavepointRunning())):
        assert decide(STOPPING, look) == Step(STOPPING, Cancel("run"))
    assert decide(STOPPING, alive(all_running=False, cancelling=True)) == Step(STOPPING)


@pytest.mark.covers("D9")
@pytest.mark.parametrize("how", list(Ending))
def test_a_job_that_ends_in_whatever_way_while_it_is_stopped_is_stopped(how: Ending) -> None:
    newest = None if how is Ending.FINISHED else "obs://b/chk-7/"
    step = decide(STOPPING, ended(how, cause="boom"))
    assert step == at_rest(STOPPING, Status.CANCELLED, newest_state=newest)


def test_a_stop_of_a_job_that_was_never_sent_is_done_at_once() -> None:
    for before in (replace(STOPPING, run=None), with_run(STOPPING, seen=False, attempts=0)):
        assert decide(before, absent()) == at_rest(before, Status.CANCELLED, ended_at=NOW)
    waiting = replace(STOPPING, run=None)
    assert decide(waiting, Full(NOW, "no room")) == at_rest(waiting, Status.CANCELLED, ended_at=NOW)


def test_a_stop_waits_until_a_submission_can_no_longer_land() -> None:
    before = replace(SUBMITTED, goal=Goal.STOP, status=Status.CANCELING)
    over = SUBMITTED.run.submit_at + lifecycle.SUBMIT_WINDOW_MS
    assert decide(before, absent(at=over - 1), over - 1) == Step(before)
    assert decide(before, absent(at=over, since=over - 1), over) == Step(before)
    assert decide(before, absent(at=over), over) == at_rest(before, Status.CANCELLED)


def test_a_submission_that_lands_after_the_stop_is_cancelled() -> None:
    before = replace(SUBMITTED, goal=Goal.STOP, status=Status.CANCELING)
    assert decide(before, alive(all_running=False)) == Step(with_run(before, seen=True), Cancel("run"))


def test_a_stop_is_done_when_the_only_attempt_was_refused_and_waits_when_another_may_land() -> None:
    once = replace(SUBMITTED, goal=Goal.STOP, status=Status.CANCELING)
    twice = with_run(once, attempts=2)
    assert decide(once, Refusal("run", "bad SQL")) == at_rest(once, Status.CANCELLED)
    assert decide(twice, Refusal("run", "bad SQL")) == Step(with_run(twice, refused="bad SQL"))


@pytest.mark.parametrize("goal", [Goal.STOP, Goal.DELETE])
@pytest.mark.parametrize("run", [None, Run("new", NOW + 10_000)], ids=["waits for room", "waits for its restart"])
def test_a_job_that_was_not_sent_stops_even_while_its_cluster_is_unreachable(goal: Goal, run: Run | None) -> None:
    waiting = replace(STOPPING, goal=goal, run=run, unreachable_since=NOW - 60_000)
    stopped = replace(waiting, unreachable_since=None)
    assert decide(waiting, Unreachable("away", NOW - 60_000)) == at_rest(stopped, Status.CANCELLED, ended_at=NOW)
    sent = replace(STOPPING, goal=goal)
    assert decide(sent, Unreachable("away")) == Step(sent)


def test_a_stopped_job_that_had_stopped_to_move_waits_until_its_savepoint_is_found() -> None:
    request = replace(REQUEST, sent=True, moves=True)
    before = replace(STOPPING, savepoint_request=request)
    waits = replace(before, newest_state=None)
    assert decide(before, ended(Ending.FINISHED, savepoint=SavepointRunning())) == Step(waits)
    found = decide(waits, ended(Ending.FINISHED, savepoint=SavepointWritten(PARKED.path)))
    assert found == at_rest(waits, Status.CANCELLED, newest_state=PARKED.path)
    deleted = replace(before, goal=Goal.DELETE)
    assert decide(deleted, ended(Ending.FINISHED, savepoint=SavepointRunning())).job.goal is Goal.REST


def test_a_watched_job_that_has_ended_waits_until_its_savepoint_is_found() -> None:
    before = replace(WATCHED, savepoint_request=replace(REQUEST, sent=True))
    waits = replace(before, newest_state=None)
    assert decide(before, ended(Ending.FINISHED, savepoint=SavepointRunning())) == Step(waits)
    found = decide(waits, ended(Ending.FINISHED, savepoint=SavepointWritten(PARKED.path)))
    assert (found.job.status, found.job.newest_state) == (Status.CANCELLED, PARKED.path)


def test_a_job_that_is_gone_while_it_is_stopped_is_stopped_after_the_grace_period() -> None:
    missing = with_run(STOPPING, missing_since=NOW)
    over = NOW + lifecycle.MISSING_GRACE_MS
    assert decide(STOPPING, absent()) == Step(missing)
    assert decide(missing, absent(at=over - 1), over - 1) == Step(missing)
    assert decide(missing, absent(at=over), over) == at_rest(missing, Status.CANCELLED, ended_at=over)


@pytest.mark.covers("D10")
def test_a_stop_that_flink_does_not_carry_out_in_time_has_failed_and_the_job_stays_watched() -> None:
    over = STOPPING.requested_at + lifecycle.CANCEL_WINDOW_MS
    failed = replace(WATCHED, reason="Flink has not ended the job within 300 s")
    assert decide(STOPPING, alive(at=over - 1), over - 1) == Step(STOPPING, Cancel("run"))
    assert decide(STOPPING, alive(at=over), over) == Step(failed)
    assert decide(STOPPING, alive(at=over, cancelling=True), over) == Step(failed)


def test_the_time_that_a_cancel_may_take_runs_only_while_the_cluster_answers() -> None:
    over = STOPPING.requested_at + lifecycle.CANCEL_WINDOW_MS
    assert decide(STOPPING, alive(at=over, since=over - 1), over) == Step(STOPPING, Cancel("run"))


# --- a stop with a savepoint ---


@pytest.mark.covers("D11")
def test_a_stop_with_savepoint_is_asked_for_until_flink_knows_of_it() -> None:
    assert decide(PARKING, alive()) == Step(asked(PARKING), StopWithSavepoint("run", REQUEST))
    assert decide(PARKING, alive(savepoint=SavepointRunning())) == Step(PARKING)
    assert decide(PARKING, alive(all_running=False)) == Step(PARKING)


def test_a_job_that_lives_on_after_its_savepoint_is_on_record_and_stopped_again() -> None:
    saved = replace(PARKING, savepoint=PARKED, newest_state=PARKED.path)
    look = alive(savepoint=SavepointWritten(PARKED.path))
    assert decide(PARKING, look) == Step(asked(saved), StopWithSavepoint("run", REQUEST))
    assert decide(PARKING, replace(look, all_running=False)) == Step(saved)


@pytest.mark.covers("D9")
@pytest.mark.covers("C13")
@pytest.mark.parametrize("how", list(Ending))
def test_a_job_that_ends_with_its_savepoint_is_stopped_and_can_be_resumed(how: Ending) -> None:
    step = decide(PARKING, ended(how, savepoint=SavepointWritten(PARKED.path)))
    assert step == at_rest(PARKING, Status.CANCELLED, savepoint=PARKED, newest_state=PARKED.path)


@pytest.mark.covers("D10")
def test_a_stop_whose_savepoint_failed_has_failed_and_nothing_more_is_done_to_the_job() -> None:
    reason = "not stopped, the savepoint failed: disk full"
    failed = replace(WATCHED, requested_at=PARKING.requested_at, reason=reason)
    assert decide(PARKING, alive(savepoint=SavepointFailed("disk full"))) == Step(failed)
    assert decide(failed, alive()) == Step(failed)


def test_a_job_that_finishes_before_its_savepoint_is_written_has_finished() -> None:
    reason = "finished by itself before the savepoint was written"
    failed = SavepointFailed("all tasks have finished")
    for before, nothing in ((PARKING, None), (PARKING, failed), (asked(PARKING), failed)):
        step = decide(before, ended(Ending.FINISHED, savepoint=nothing))
        assert step == at_rest(before, Status.FINISHED, reason, newest_state=None)


def test_a_job_that_ended_waits_for_what_flink_says_of_its_savepoint() -> None:
    before = asked(PARKING)
    look = ended(Ending.FINISHED, savepoint=SavepointRunning())
    assert decide(before, look) == Step(replace(before, newest_state=None))


def test_a_stopped_job_whose_savepoint_is_not_to_be_found_is_never_called_stopped() -> None:
    before = asked(PARKING)
    reason = "stopped, and its savepoint is not to be found"
    assert decide(before, ended(Ending.FINISHED)) == at_rest(before, Status.EXCEPTION, reason, newest_state=None)


def test_a_job_cancelled_behind_our_back_before_its_savepoint_is_written_says_so() -> None:
    going = replace(PARKING, status=Status.CANCELING, reason="being cancelled in Flink")
    assert decide(PARKING, alive(all_running=False, cancelling=True)) == Step(going)
    reason = "cancelled in Flink, not through this API"
    assert decide(going, ended(Ending.CANCELED)) == at_rest(going, Status.CANCELLED, reason)


def test_a_job_that_fails_before_its_savepoint_is_written_is_never_called_stopped() -> None:
    assert decide(PARKING, ended(Ending.FAILED, cause="boom")) == at_rest(PARKING, Status.EXCEPTION, "boom")
    lost = with_run(PARKING, missing_since=NOW - lifecycle.MISSING_GRACE_MS)
    assert decide(lost, absent()) == at_rest(lost, Status.EXCEPTION, "Flink no longer has this job", ended_at=NOW)


def test_a_job_that_restarts_before_its_savepoint_is_written_writes_it_then() -> None:
    before = replace(PARKING, config=flags())
    restarted = replace(
        before,
        reason="boom",
        run=Run("new", ENDED + ending.RESTART_DELAY_MS, "obs://b/chk-7/", troubled=True),
        restart_count=1,
        restarts=(ENDED,),
    )
    assert decide(asked(before), ended(Ending.FAILED, cause="boom")) == Step(restarted)
    again = with_run(restarted, attempts=1, seen=True, ran=True)
    assert decide(again, alive()) == Step(asked(again), StopWithSavepoint("new", REQUEST))


# --- a job that is watched after its stop failed ---


@pytest.mark.parametrize("look", [alive(), alive(all_running=False), alive(cancelling=True)], ids=repr)
def test_nothing_is_done_to_a_watched_job_that_lives(look: Alive) -> None:
    assert decide(WATCHED, look) == Step(WATCHED)


@pytest.mark.parametrize("how", list(Ending))
def test_a_watched_job_that_ends_is_stopped_even_when_it_may_be_restarted(how: Ending) -> None:
    before = replace(WATCHED, config=flags())
    newest = None if how is Ending.FINISHED else "obs://b/chk-7/"
    assert decide(before, ended(how, cause="boom")) == at_rest(before, Status.CANCELLED, newest_state=newest)


def test_a_watched_job_that_is_gone_is_stopped_after_the_grace_period() -> None:
    missing = with_run(WATCHED, missing_since=NOW - lifecycle.MISSING_GRACE_MS + 1)
    assert decide(missing, absent()) == Step(missing)
    assert decide(missing, absent(at=NOW + 1), NOW + 1) == at_rest(missing, Status.CANCELLED, ended_at=NOW + 1)


def test_a_watched_job_still_learns_its_newest_checkpoint() -> None:
    kept = replace(with_run(WATCHED, checkpoint="obs://b/chk-8/"), newest_state="obs://b/chk-8/")
    assert decide(WATCHED, alive(checkpoint="obs://b/chk-8/")) == Step(kept)


@pytest.mark.parametrize(
    ("became", "reason", "savepoint"),
    [
        (SavepointWritten("obs://b/sp/"), "", Savepoint("obs://b/sp/", SavepointOrigin.REQUEST)),
        (SavepointFailed("disk full"), "the savepoint failed: disk full", None),
    ],
)
def test_a_watched_job_writes_a_savepoint_and_is_watched_on(
    became: SavepointState, reason: str, savepoint: Savepoint | None
) -> None:
    before = replace(WATCHED, status=Status.SAVEPOINTING, savepoint_request=REQUEST)
    newest = savepoint.path if savepoint else WATCHED.newest_state
    assert decide(before, alive()) == Step(asked(before), TriggerSavepoint("run", REQUEST))
    after = replace(WATCHED, reason=reason, savepoint=savepoint, newest_state=newest)
    assert decide(before, alive(savepoint=became)) == Step(after)


# --- deletion ---


@pytest.mark.parametrize("before", [SUBMITTED, RUNNING, STOPPING, PARKING, WATCHED], ids=lambda job: job.status)
def test_a_deleted_job_is_cancelled_for_as_long_as_it_lives(before: Job) -> None:
    deleted = with_run(replace(before, goal=Goal.DELETE, deleted_at=NOW), seen=True)
    much_later = NOW + 100 * learning.HOUR_MS
    assert decide(deleted, alive(at=much_later, all_running=False), much_later) == Step(deleted, Cancel("run"))
    look = ended(Ending.CANCELED, ran=deleted.run.ran)
    assert decide(deleted, look) == at_rest(deleted, Status.CANCELLED)


def test_a_deletion_waits_until_a_submission_can_no_longer_land() -> None:
    deleted = replace(SUBMITTED, goal=Goal.DELETE, deleted_at=NOW)
    over = SUBMITTED.run.submit_at + lifecycle.SUBMIT_WINDOW_MS
    assert decide(deleted, absent(at=over - 1), over - 1) == Step(deleted)
    assert decide(deleted, absent(at=over), over) == at_rest(deleted, Status.CANCELLED)
