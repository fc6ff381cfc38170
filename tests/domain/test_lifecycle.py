"""What `decide` makes of a job that is to run; how it is stopped stands in test_lifecycle_stop.py."""

from dataclasses import replace

import pytest

from penstock.domain import learning, lifecycle
from penstock.domain.engine import (
    Cancel,
    Ending,
    Full,
    Observation,
    Refusal,
    Unanswered,
    Unreachable,
)
from penstock.domain.job import Execution, Goal, Job, Run, Savepoint, SavepointOrigin, Status
from penstock.domain.lifecycle import Step
from tests.domain.cases import (
    NOW,
    REQUEST,
    RESTARTABLE,
    RUNNING,
    SENT,
    STARTED,
    STARTING,
    SUBMITTED,
    absent,
    alive,
    at_rest,
    decide,
    ended,
    job,
    submit,
    with_run,
)

ASKED = job(goal=Goal.RUN, status=Status.SUBMITTING, requested_at=NOW - 10, restore_point="obs://b/sp/")
SAVEPOINTING = replace(RUNNING, status=Status.SAVEPOINTING, savepoint_request=REQUEST)
WAITED = NOW + lifecycle.SUBMIT_WINDOW_MS
EVERY_GOAL = [
    replace(RUNNING, goal=goal, savepoint_request=REQUEST if goal is Goal.STOP_WITH_SAVEPOINT else None)
    for goal in Goal
]
ANY_LOOK = [absent(), alive(), ended(Ending.FINISHED), ended(Ending.FAILED, cause="boom")]


def seen(job: Job, **fields: object) -> Job:
    return with_run(job, seen=True, **fields)


# --- whatever the goal ---


@pytest.mark.parametrize(
    "look", [*ANY_LOOK, Unreachable(), Full(NOW, "no room"), Refusal("run", "bad SQL")], ids=repr
)
def test_a_job_at_rest_stays_as_it_is_whatever_is_seen(look: Observation) -> None:
    rest = job(status=Status.CANCELLED)
    assert decide(rest, look) == Step(rest)


@pytest.mark.parametrize("before", EVERY_GOAL, ids=lambda job: job.goal)
def test_nothing_is_guessed_of_a_job_whose_cluster_does_not_answer(before: Job) -> None:
    assert decide(before, Unreachable("timed out"), NOW + learning.HOUR_MS) == Step(before)


@pytest.mark.parametrize("before", EVERY_GOAL, ids=lambda job: job.goal)
@pytest.mark.parametrize("look", ANY_LOOK, ids=lambda look: type(look).__name__)
@pytest.mark.parametrize("age", [0, 1])
def test_a_look_that_began_before_the_row_was_written_says_nothing(
    before: Job, look: Observation, age: int
) -> None:
    before = replace(before, written_at=NOW + age)
    assert decide(before, look, NOW + 5_000) == Step(before)


def test_a_row_written_in_the_future_does_not_freeze_its_job() -> None:
    before = replace(RUNNING, written_at=NOW + learning.HOUR_MS)
    assert decide(before, ended(Ending.FINISHED)) == at_rest(before, Status.FINISHED)


# --- submitting ---


@pytest.mark.covers("D2")
def test_a_job_without_a_run_is_submitted_from_its_restore_point() -> None:
    run = Run("new", NOW, "obs://b/sp/", sent_at=NOW, **SENT)
    assert decide(replace(ASKED, reason="waiting for room"), absent()) == submit(replace(ASKED, run=run))


def test_a_job_without_room_waits_for_as_long_as_it_takes_and_says_for_what() -> None:
    much_later = ASKED.requested_at + 100 * learning.HOUR_MS
    waiting = Step(replace(ASKED, reason="needs 2 CUs"))
    assert decide(ASKED, Full(much_later, "needs 2 CUs"), much_later) == waiting


def test_a_job_larger_than_its_queue_fails_at_once() -> None:
    look = Full(NOW, "needs 99 CUs", for_ever=True)
    assert decide(ASKED, look) == at_rest(ASKED, Status.SUBMIT_FAILED, "needs 99 CUs")


def test_a_submission_that_does_not_show_up_is_sent_again_under_the_same_id() -> None:
    assert decide(SUBMITTED, absent()) == submit(with_run(SUBMITTED, attempts=2, sent_at=NOW))
    again = with_run(SUBMITTED, attempts=2, sent_at=NOW)
    soon = NOW + lifecycle.SUBMIT_AGAIN_MS
    assert decide(again, absent(at=soon - 1), soon - 1) == Step(again)
    assert decide(again, absent(at=soon), soon) == submit(with_run(again, attempts=3, sent_at=soon))


def test_a_submission_is_sent_again_only_while_it_can_land_within_the_window() -> None:
    sent_at = SUBMITTED.run.submit_at
    last = sent_at + lifecycle.SUBMIT_RETRY_MS - 1
    assert decide(SUBMITTED, absent(at=last), last).action is not None
    assert decide(SUBMITTED, absent(at=last + 1), last + 1) == Step(SUBMITTED)
    over = sent_at + lifecycle.SUBMIT_WINDOW_MS
    assert decide(SUBMITTED, absent(at=over - 1), over - 1) == Step(SUBMITTED)


def test_the_window_is_counted_from_the_last_time_it_was_sent() -> None:
    over = SUBMITTED.run.submit_at + lifecycle.SUBMIT_WINDOW_MS
    again = with_run(SUBMITTED, attempts=2, sent_at=SUBMITTED.run.submit_at + 1)
    assert decide(again, absent(at=over), over) == Step(again)


def test_why_a_submission_got_no_answer_is_told_while_it_is_waited_for_and_at_the_end() -> None:
    step = decide(SUBMITTED, Unanswered("run", "the disk is full"))
    told = replace(with_run(SUBMITTED, unanswered="the disk is full"), reason="the disk is full")
    assert step == Step(told)
    over = SUBMITTED.run.sent_at + lifecycle.SUBMIT_WINDOW_MS
    reason = "Flink has not taken the job within 180 s: the disk is full"
    assert decide(told, absent(at=over), over) == at_rest(told, Status.SUBMIT_FAILED, reason)
    assert decide(told, Unanswered("other", "late news")) == Step(told)
    assert decide(seen(told), Unanswered("run", "late news")) == Step(seen(told))


def test_a_submission_that_never_shows_up_has_failed() -> None:
    over = SUBMITTED.run.submit_at + lifecycle.SUBMIT_WINDOW_MS
    reason = "Flink has not taken the job within 180 s"
    assert decide(SUBMITTED, absent(at=over), over) == at_rest(SUBMITTED, Status.SUBMIT_FAILED, reason)


def test_the_submission_window_runs_only_while_the_cluster_answers() -> None:
    look = absent(at=WAITED, since=WAITED - 5_000)
    assert decide(SUBMITTED, look, WAITED) == submit(with_run(SUBMITTED, attempts=2, sent_at=WAITED))


@pytest.mark.covers("D3")
def test_a_submission_refused_on_its_first_attempt_has_failed() -> None:
    step = decide(SUBMITTED, Refusal("run", "line 1, column 8: no such table"))
    assert step == at_rest(SUBMITTED, Status.SUBMIT_FAILED, "line 1, column 8: no such table")


def test_a_refusal_counts_even_when_the_row_was_written_a_moment_ago() -> None:
    before = replace(SUBMITTED, written_at=NOW + 1)
    assert decide(before, Refusal("run", "bad SQL"), NOW) == at_rest(before, Status.SUBMIT_FAILED, "bad SQL")


def test_after_a_refusal_of_a_later_attempt_nothing_more_is_sent_and_the_window_is_waited_out() -> None:
    twice = with_run(SUBMITTED, attempts=2)
    noted = with_run(twice, refused="bad SQL")
    assert decide(twice, Refusal("run", "bad SQL")) == Step(noted)
    assert decide(noted, absent()) == Step(noted)
    assert decide(noted, absent(at=WAITED), WAITED) == at_rest(noted, Status.SUBMIT_FAILED, "bad SQL")


def test_an_earlier_attempt_that_lands_after_a_refusal_is_the_job() -> None:
    noted = with_run(SUBMITTED, attempts=2, refused="bad SQL")
    step = decide(noted, alive())
    assert step == Step(seen(replace(noted, status=Status.RUNNING, started_at=STARTED), ran=True))


@pytest.mark.parametrize(
    "before",
    [seen(SUBMITTED), with_run(SUBMITTED, id="other"), replace(SUBMITTED, run=None)],
    ids=["seen", "id", "none"],
)
def test_a_refusal_of_another_run_or_of_one_that_flink_has_shown_says_nothing(before: Job) -> None:
    assert decide(before, Refusal("run", "bad SQL")) == Step(before)


def test_a_refusal_for_want_of_the_savepoint_takes_it_off_the_record() -> None:
    before = with_run(SUBMITTED, resume_from="obs://b/sp/")
    before = replace(before, savepoint=Savepoint("obs://b/sp/", SavepointOrigin.IMPORT))
    step = decide(before, Refusal("run", "no state there", state_missing=True))
    assert step == at_rest(replace(before, savepoint=None), Status.SUBMIT_FAILED, "no state there")


def test_a_refusal_for_want_of_a_checkpoint_leaves_the_savepoint_on_record() -> None:
    before = with_run(SUBMITTED, resume_from="obs://b/chk-1/")
    before = replace(before, savepoint=Savepoint("obs://b/sp/", SavepointOrigin.IMPORT))
    step = decide(before, Refusal("run", "no state there", state_missing=True))
    assert step == at_rest(before, Status.SUBMIT_FAILED, "no state there")


def test_a_starting_job_is_still_submitting() -> None:
    assert decide(SUBMITTED, alive(all_running=False)) == Step(STARTING)


def test_a_job_that_flink_restarts_before_it_ever_ran_is_cancelled_for_sure_and_has_failed() -> None:
    doomed = with_run(STARTING, doomed="no such file")
    assert decide(STARTING, alive(all_running=False, cause="no such file")) == Step(doomed, Cancel("run"))
    look = ended(Ending.CANCELED, ran=False)
    assert decide(doomed, look) == at_rest(doomed, Status.SUBMIT_FAILED, "no such file")


def test_a_job_runs_once_all_its_tasks_run() -> None:
    plan = '{"nodes": []}'
    running = replace(STARTING, status=Status.RUNNING, started_at=STARTED, execution_plan=plan)
    running = with_run(running, ran=True)
    assert decide(STARTING, alive(plan=plan)) == Step(running)
    assert decide(running, alive()) == Step(running)


def test_what_flink_says_of_a_run_is_kept_until_it_says_otherwise() -> None:
    shown = Execution("run", "clicks", "RESTARTING", STARTED)
    assert decide(RUNNING, alive(name="clicks", state="RESTARTING")).job.execution == shown
    silent = replace(RUNNING, execution=shown)
    assert decide(silent, alive()).job.execution == shown
    over = decide(silent, ended(Ending.FAILED, name="clicks", state="FAILED")).job.execution
    assert over == replace(shown, state="FAILED", ended_at=over.ended_at if over else 0)


@pytest.mark.parametrize("how", [Ending.FINISHED, Ending.FAILED])
def test_a_job_can_end_before_any_look_saw_it_run(how: Ending) -> None:
    status, reason = (Status.FINISHED, "") if how is Ending.FINISHED else (Status.EXCEPTION, "boom")
    step = decide(SUBMITTED, ended(how, cause="boom"))
    assert step == at_rest(replace(SUBMITTED, started_at=STARTED), status, reason)


# --- running ---


@pytest.mark.covers("D4")
@pytest.mark.covers("C25")
def test_a_job_that_flink_restarts_stays_running_and_its_restarts_are_counted() -> None:
    troubled = with_run(RUNNING, flink_restarts=2, troubled=True)
    troubled = replace(troubled, reason="a task died", restart_count=2, restarts=(NOW, NOW))
    assert decide(RUNNING, alive(all_running=False, restarts=2, cause="a task died")) == Step(troubled)
    well = with_run(replace(troubled, reason=""), troubled=False)
    assert decide(troubled, alive(restarts=2)) == Step(well)


def test_a_restart_count_that_begins_anew_takes_nothing_back() -> None:
    before = replace(with_run(RUNNING, flink_restarts=5), restart_count=5)
    assert decide(before, alive(restarts=0)) == Step(before)


def test_the_newest_checkpoint_is_kept_while_the_job_is_alive() -> None:
    kept = replace(with_run(RUNNING, checkpoint="obs://b/chk-1/"), newest_state="obs://b/chk-1/")
    assert decide(RUNNING, alive(checkpoint="obs://b/chk-1/")) == Step(kept)
    assert decide(kept, alive()) == Step(kept)


def test_a_checkpoint_told_again_does_not_hide_a_newer_savepoint() -> None:
    before = replace(with_run(RUNNING, checkpoint="obs://b/chk-1/"), newest_state="obs://b/sp/")
    assert decide(before, alive(checkpoint="obs://b/chk-1/")) == Step(before)


@pytest.mark.covers("C13")
def test_the_savepoint_of_a_stop_is_used_up_once_the_job_runs_and_others_stay() -> None:
    for origin in SavepointOrigin:
        before = replace(STARTING, savepoint=Savepoint("obs://b/sp/", origin))
        kept = None if origin is SavepointOrigin.STOP else before.savepoint
        assert decide(before, alive(all_running=False)) == Step(before)
        assert decide(before, alive()).job.savepoint == kept


@pytest.mark.covers("D14")
def test_a_job_that_finishes_by_itself_keeps_no_checkpoint_because_flink_deletes_it() -> None:
    assert decide(RESTARTABLE, ended(Ending.FINISHED)) == at_rest(RESTARTABLE, Status.FINISHED, newest_state=None)


def test_a_job_that_finishes_can_be_resumed_from_the_savepoint_on_record() -> None:
    before = replace(RESTARTABLE, savepoint=Savepoint("obs://b/sp/", SavepointOrigin.REQUEST))
    step = decide(before, ended(Ending.FINISHED))
    assert step == at_rest(before, Status.FINISHED, newest_state="obs://b/sp/")


def test_a_job_cancelled_behind_our_back_says_so() -> None:
    going = replace(RESTARTABLE, status=Status.CANCELING, reason="being cancelled in Flink")
    assert decide(RESTARTABLE, alive(all_running=False, cancelling=True)) == Step(going)
    reason = "cancelled in Flink, not through this API"
    assert decide(going, ended(Ending.CANCELED)) == at_rest(going, Status.CANCELLED, reason)
