"""What `decide` makes of a job whose cluster is gone or away, or that is moved to another."""

from dataclasses import replace

import pytest

from penstock.domain import ending, lifecycle
from penstock.domain.engine import (
    Ending,
    Full,
    SavepointFailed,
    SavepointRefusal,
    SavepointRunning,
    SavepointWritten,
    StopWithSavepoint,
    Unreachable,
)
from penstock.domain.job import Goal, Job, Run, Savepoint, SavepointOrigin, Status
from penstock.domain.lifecycle import Step
from tests.domain.cases import (
    NOW,
    REQUEST,
    RESTARTABLE,
    RUNNING,
    SENT,
    STARTING,
    SUBMITTED,
    absent,
    alive,
    asked,
    at_rest,
    decide,
    ended,
    flags,
    gone,
    job,
    submit,
    with_run,
)

REASON = "its cluster is gone"
PATH = "obs://b/sp/savepoint-1/"
WRITTEN = SavepointWritten(PATH)
MOVE = replace(REQUEST, moves=True)
MOVING = asked(replace(RUNNING, savepoint_request=MOVE))
STATEFUL = replace(RUNNING, newest_state="obs://b/chk-7/")
PARKING = replace(
    STATEFUL, goal=Goal.STOP_WITH_SAVEPOINT, status=Status.SAVEPOINTING, savepoint_request=REQUEST, config=flags()
)
WATCHED = replace(RUNNING, goal=Goal.WATCH, status=Status.CANCEL_FAILED, reason="not stopped")


def goes_on(before: Job, resume_from: str | None, reason: str = REASON, **fields: object) -> Step:
    return Step(replace(before, reason=reason, run=Run("new", NOW, resume_from, troubled=True), **fields))


# --- a cluster that is gone ---


def test_a_job_whose_cluster_we_have_ended_goes_on_whatever_its_settings_and_it_is_no_restart() -> None:
    assert decide(STATEFUL, gone(planned=True)) == goes_on(STATEFUL, "obs://b/chk-7/")
    first = replace(RUNNING, restore_point="obs://b/old/")
    assert decide(first, gone(planned=True)) == goes_on(first, "obs://b/old/")


def test_a_job_without_state_begins_anew_after_its_cluster_was_ended_only_if_it_may_be_restarted() -> None:
    reason = f"{REASON}, and the job has no checkpoint to go on from"
    assert decide(RUNNING, gone(planned=True)) == at_rest(RUNNING, Status.EXCEPTION, reason, NOW)
    willing = replace(RUNNING, config=flags())
    assert decide(willing, gone(planned=True)) == goes_on(willing, None)


def test_a_job_whose_cluster_has_died_is_restarted_at_once_as_its_settings_say() -> None:
    assert decide(STATEFUL, gone()) == at_rest(STATEFUL, Status.EXCEPTION, REASON, NOW)
    counted = {"restart_count": 1, "restarts": (NOW,)}
    assert decide(RESTARTABLE, gone()) == goes_on(RESTARTABLE, "obs://b/chk-7/", **counted)
    afresh = replace(RESTARTABLE, config=replace(flags(), restart_from_checkpoint=False))
    assert decide(afresh, gone()) == goes_on(afresh, None, **counted)
    used_up = replace(RESTARTABLE, config=flags(restart_limit_per_hour=0))
    assert decide(used_up, gone()) == at_rest(used_up, Status.EXCEPTION, REASON, NOW)


@pytest.mark.parametrize("planned", [True, False])
def test_a_job_goes_on_from_the_checkpoint_that_its_run_has_left_behind(planned: bool) -> None:
    step = decide(RESTARTABLE, gone(planned=planned, checkpoint="obs://b/chk-9/"))
    assert step.job.run == Run("new", NOW, "obs://b/chk-9/", troubled=True)
    assert step.job.newest_state == "obs://b/chk-9/"


def test_a_checkpoint_left_behind_says_that_a_job_had_run_though_no_look_saw_it() -> None:
    step = decide(replace(SUBMITTED, config=flags()), gone(checkpoint="obs://b/chk-1/"))
    assert (step.job.started_at, step.job.restart_count) == (SUBMITTED.run.sent_at, 1)
    seen = with_run(SUBMITTED, seen=True, ran=True, checkpoint="obs://b/chk-1/", missing_since=NOW)
    step = decide(SUBMITTED, absent(checkpoint="obs://b/chk-1/"))
    assert step == Step(replace(seen, newest_state="obs://b/chk-1/", started_at=SUBMITTED.run.sent_at))


def test_a_job_that_never_ran_is_submitted_anew_under_another_id() -> None:
    before = with_run(STARTING, resume_from="obs://b/sp/")
    anew = Step(replace(before, run=Run("new", NOW, "obs://b/sp/", lost=1)))
    assert decide(before, gone()) == anew
    assert decide(before, gone(planned=True)) == Step(replace(before, run=Run("new", NOW, "obs://b/sp/")))


def test_a_job_under_which_cluster_after_cluster_dies_before_it_runs_is_given_up() -> None:
    before = with_run(STARTING, lost=ending.LOST_MOST - 1)
    reason = f"{REASON}; 3 clusters in turn have died before the job ran"
    assert decide(before, gone()) == at_rest(before, Status.SUBMIT_FAILED, reason)
    assert decide(before, gone(planned=True)).job.goal is Goal.RUN


@pytest.mark.parametrize("planned", [True, False])
def test_a_job_that_was_refused_or_doomed_has_failed_once_its_cluster_is_gone(planned: bool) -> None:
    refused = with_run(SUBMITTED, attempts=2, refused="bad SQL")
    assert decide(refused, gone(planned=planned)) == at_rest(refused, Status.SUBMIT_FAILED, "bad SQL")
    doomed = with_run(RESTARTABLE, doomed="cannot be restored")
    assert decide(doomed, gone(planned=planned)) == at_rest(doomed, Status.EXCEPTION, "cannot be restored", NOW)


@pytest.mark.parametrize("goal", [Goal.STOP, Goal.DELETE, Goal.WATCH])
@pytest.mark.parametrize("planned", [True, False])
def test_a_job_that_is_to_end_has_ended_with_its_cluster(goal: Goal, planned: bool) -> None:
    before = replace(RESTARTABLE, goal=goal)
    assert decide(before, gone(planned=planned)) == at_rest(before, Status.CANCELLED, ended_at=NOW)


def test_a_stop_with_savepoint_whose_cluster_is_gone_is_done_only_if_the_savepoint_is_there() -> None:
    saved = replace(PARKING, savepoint=Savepoint(PATH, SavepointOrigin.STOP), newest_state=PATH)
    assert decide(PARKING, gone(savepoint=WRITTEN)) == at_rest(saved, Status.CANCELLED, ended_at=NOW)
    counted = {"restart_count": 1, "restarts": (NOW,)}
    assert decide(asked(PARKING), gone()) == goes_on(PARKING, "obs://b/chk-7/", **counted)


def test_a_stop_with_savepoint_is_done_when_its_job_is_lost_and_left_the_savepoint() -> None:
    lost = with_run(PARKING, missing_since=NOW - lifecycle.MISSING_GRACE_MS)
    saved = replace(lost, savepoint=Savepoint(PATH, SavepointOrigin.STOP), newest_state=PATH)
    assert decide(lost, absent(savepoint=WRITTEN)) == at_rest(saved, Status.CANCELLED, ended_at=NOW)
    just_now = with_run(saved, missing_since=NOW)
    assert decide(PARKING, absent(savepoint=WRITTEN)) == Step(just_now)


def test_a_requested_savepoint_is_where_to_restart_from_only_while_there_is_no_checkpoint() -> None:
    before = replace(RESTARTABLE, status=Status.SAVEPOINTING, savepoint_request=REQUEST, newest_state=None)
    assert decide(before, gone(savepoint=WRITTEN)).job.run.resume_from == PATH
    assert (
        decide(before, gone(savepoint=WRITTEN, checkpoint="obs://b/chk-9/")).job.run.resume_from == "obs://b/chk-9/"
    )
    older = replace(with_run(before, checkpoint="obs://b/chk-7/"), newest_state="obs://b/chk-7/")
    after = decide(older, alive(savepoint=WRITTEN)).job
    assert (after.newest_state, after.savepoint) == ("obs://b/chk-7/", Savepoint(PATH, SavepointOrigin.REQUEST))


# --- a cluster that is away or full ---


def test_a_row_says_since_when_its_cluster_is_unreachable_until_it_is_seen_again() -> None:
    since = NOW - lifecycle.UNREACHABLE_AFTER_MS
    assert decide(RUNNING, Unreachable("away", since + 1)) == Step(RUNNING)
    away = replace(RUNNING, unreachable_since=since)
    assert decide(RUNNING, Unreachable("away", since)) == Step(away)
    assert decide(away, Unreachable("away", since), NOW + 1) == Step(away)
    assert decide(away, alive()) == Step(RUNNING)


def test_a_restart_that_was_not_sent_waits_for_room() -> None:
    waiting = replace(RUNNING, run=Run("new", NOW, "obs://b/chk-7/", troubled=True))
    assert decide(waiting, Full(NOW, "the cluster is being ended")) == Step(waiting)
    stopping = replace(waiting, goal=Goal.STOP, status=Status.CANCELING)
    assert decide(stopping, Full(NOW, "no room")) == at_rest(stopping, Status.CANCELLED, ended_at=NOW)


def test_a_run_goes_to_the_cluster_that_has_answered_and_to_no_other() -> None:
    asked_for = job(goal=Goal.RUN, status=Status.SUBMITTING)
    first = decide(asked_for, absent()).job
    assert first == replace(asked_for, run=Run("new", NOW, sent_at=NOW, **SENT))
    later = NOW + lifecycle.SUBMIT_AGAIN_MS
    look = replace(absent(at=later), cluster="unit-2")
    assert decide(first, look, later) == submit(with_run(first, attempts=2, sent_at=later))


# --- moves ---


def test_a_job_on_the_move_stops_with_a_savepoint_and_goes_on_from_there() -> None:
    before = replace(RUNNING, savepoint_request=MOVE)
    assert decide(before, alive()) == Step(asked(before), StopWithSavepoint("run", MOVE))
    done = replace(before, newest_state=PATH, savepoint_request=None)
    reason = "being moved to another cluster"
    assert decide(before, ended(Ending.FINISHED, savepoint=WRITTEN)) == goes_on(done, PATH, reason)


@pytest.mark.parametrize("planned", [True, False])
def test_a_job_that_has_stopped_to_move_goes_on_even_if_its_cluster_is_gone_by_then(planned: bool) -> None:
    done = replace(MOVING, newest_state=PATH, savepoint_request=None)
    step = decide(MOVING, gone(planned=planned, savepoint=WRITTEN))
    assert step == goes_on(done, PATH, "being moved to another cluster")


def test_a_job_that_went_on_after_the_savepoint_of_its_move_continues_from_its_checkpoints() -> None:
    lives_on = decide(replace(MOVING, newest_state="obs://b/chk-7/"), alive(savepoint=WRITTEN)).job
    assert lives_on.newest_state == "obs://b/chk-7/"
    look = gone(planned=True, savepoint=WRITTEN, checkpoint="obs://b/chk-9/")
    assert decide(MOVING, look).job.run.resume_from == "obs://b/chk-9/"


@pytest.mark.parametrize("seen", [alive(savepoint=SavepointFailed("disk full")), SavepointRefusal("trigger", "no")])
def test_a_move_whose_savepoint_fails_leaves_the_job_as_it_was(seen: object) -> None:
    assert decide(MOVING, seen) == Step(RUNNING)


def test_a_move_that_was_asked_for_is_waited_for_and_another_is_dropped_when_its_tasks_do_not_run() -> None:
    over = MOVE.requested_at + lifecycle.SAVEPOINT_START_MS
    look = alive(at=over, all_running=False)
    assert decide(MOVING, look, over) == Step(MOVING)
    assert decide(replace(RUNNING, savepoint_request=MOVE), look, over) == Step(RUNNING)


def test_a_job_that_fails_while_it_moves_is_restarted_as_its_settings_say() -> None:
    look = ended(Ending.FAILED, cause="boom", savepoint=WRITTEN)
    assert decide(MOVING, look) == at_rest(MOVING, Status.EXCEPTION, "boom")


def test_a_stop_keeps_the_savepoint_of_the_move_that_it_ends() -> None:
    before = replace(MOVING, goal=Goal.STOP, status=Status.CANCELING)
    step = decide(before, ended(Ending.FINISHED, savepoint=WRITTEN))
    assert step == at_rest(before, Status.CANCELLED, newest_state=PATH)


# --- savepoints that take too long ---


def test_a_savepoint_is_given_up_at_its_time() -> None:
    limited = replace(REQUEST, give_up_at=NOW)
    before = replace(RUNNING, status=Status.SAVEPOINTING, savepoint_request=limited)
    reason = "the savepoint failed: it has taken longer than the 2 s that it may take"
    for state in (None, SavepointRunning()):
        assert decide(before, alive(savepoint=state)) == Step(replace(RUNNING, reason=reason))
    early = replace(before, savepoint_request=replace(limited, give_up_at=NOW + 1))
    assert decide(early, alive(savepoint=SavepointRunning())) == Step(early)


def test_a_stop_that_was_given_up_is_asked_after_until_it_is_known_what_became_of_it() -> None:
    limited = replace(REQUEST, give_up_at=NOW, sent=True)
    before = replace(PARKING, savepoint_request=limited)
    watched = decide(before, alive(savepoint=SavepointRunning())).job
    assert (watched.goal, watched.savepoint_request) == (Goal.WATCH, limited)
    assert decide(watched, alive(savepoint=SavepointRunning())) == Step(watched)
    known = alive(savepoint=SavepointFailed("late"))
    assert decide(watched, known) == Step(replace(watched, savepoint_request=None))
    over = NOW + lifecycle.CANCEL_WINDOW_MS
    assert decide(watched, alive(at=over - 1), over - 1) == Step(watched)
    assert decide(watched, alive(at=over), over) == Step(replace(watched, savepoint_request=None))
    stopped = decide(watched, ended(Ending.FINISHED, savepoint=WRITTEN)).job
    assert (stopped.status, stopped.newest_state) == (Status.CANCELLED, PATH)


def test_a_stop_that_was_given_up_before_flink_was_asked_is_over() -> None:
    before = replace(PARKING, savepoint_request=replace(REQUEST, give_up_at=NOW))
    assert decide(before, alive(all_running=False)).job.savepoint_request is None


def test_an_ended_job_is_not_waited_for_longer_than_its_savepoint_may_take() -> None:
    before = replace(asked(PARKING), savepoint_request=replace(REQUEST, sent=True, give_up_at=NOW))
    reason = "stopped, and its savepoint is not to be found"
    look = ended(Ending.FINISHED, savepoint=SavepointRunning())
    assert decide(before, look) == at_rest(before, Status.EXCEPTION, reason, newest_state=None)
