"""Passes over the jobs of a queue: look, decide, record, act."""

import logging
import uuid
from dataclasses import fields, replace

import pytest

from penstock.controller.reconcile import STIR_MS
from penstock.domain import ending, learning, lifecycle
from penstock.domain.effects import Site
from penstock.domain.engine import Action, Cancel, Ending, Refused, Submit
from penstock.domain.errors import NotAllowed
from penstock.domain.history import Kind
from penstock.domain.job import Goal, Job, Run, SavepointOrigin, Status
from penstock.store.database import Database
from tests.controller.world import Meddled, World


@pytest.fixture
def world(database: Database, project: str) -> World:
    return World(database, project)


def changed(before: Job, after: Job) -> set[str]:
    return {field.name for field in fields(Job) if getattr(before, field.name) != getattr(after, field.name)}


def test_a_job_is_submitted_runs_and_is_stopped(world: World) -> None:
    job = world.started()
    running = world.until(job, Status.RUNNING)
    world.stop(job)
    stopped = world.until(job, Status.CANCELLED)
    assert running.started_at is not None
    assert stopped.ended_at >= running.started_at
    assert (stopped.goal, stopped.run) == (Goal.REST, None)
    assert [type(action) for action in world.engine.performed] == [Submit, Cancel]


@pytest.mark.parametrize(
    ("sql", "status", "reason"),
    [
        ("wrong", Status.SUBMIT_FAILED, "line 1, column 8: no such table"),
        ("failing", Status.EXCEPTION, "/ by zero"),
        ("bounded", Status.FINISHED, ""),
    ],
)
def test_a_job_that_ends_by_itself_says_how(world: World, sql: str, status: Status, reason: str) -> None:
    job = world.until(world.started(sql), status)
    assert (job.reason, job.goal, job.run) == (reason, Goal.REST, None)


@pytest.mark.covers("C13")
def test_a_job_stopped_with_a_savepoint_is_resumed_from_it(world: World) -> None:
    job = world.started()
    world.until(job, Status.RUNNING)
    world.stop_with_savepoint(job)
    stopped = world.until(job, Status.CANCELLED)
    assert stopped.savepoint is not None
    assert stopped.savepoint.origin is SavepointOrigin.STOP
    world.run(job, resume=True)
    running = world.until(job, Status.RUNNING)
    assert (world.current_run(job).resume_from, running.savepoint) == (stopped.savepoint.path, None)


@pytest.mark.covers("C25")
def test_a_job_that_flink_lost_goes_on_from_its_newest_checkpoint_under_a_new_id(world: World) -> None:
    job = world.started(restart_on_failure=True, restart_from_checkpoint=True, checkpoint_enabled=True)
    world.until(job, Status.RUNNING)
    for _ in range(4):
        world.tick()
    before = world.see(job)
    assert before.newest_state is not None
    newest = world.engine.runs[world.current_run(job).id].checkpoint
    world.engine.lose()
    world.tick()
    world.clock.now += lifecycle.MISSING_GRACE_MS
    world.tick()
    world.clock.now += ending.RESTART_DELAY_MS
    for _ in range(3):
        world.tick()
    after = world.see(job)
    assert (after.status, after.restart_count, after.reason) == (Status.RUNNING, 1, "")
    assert world.current_run(job).id != before.run.id
    assert world.current_run(job).resume_from == newest
    assert list(world.engine.runs) == [world.current_run(job).id]


def test_a_pass_tells_whether_a_job_is_on_the_move(world: World) -> None:
    assert world.tick() is False
    job = world.started()
    world.tick()
    assert world.tick() is True
    world.until(job, Status.RUNNING)
    assert world.tick() is False


def test_a_job_that_waits_for_room_or_for_an_answer_is_not_on_the_move(world: World) -> None:
    big, other = world.started(cus=6), world.started(cus=6)
    world.until(big, Status.RUNNING)
    assert world.see(other).status is Status.SUBMITTING
    assert world.tick() is False
    world.stop(big)
    world.engine.away = "connection refused"
    assert world.tick() is True
    for _ in range(2):  # it is written once that the cluster is silent
        world.clock.now += STIR_MS
        moving = world.tick()
    assert moving is False


def test_a_job_asks_for_its_own_cluster_while_another_does_not_answer(world: World) -> None:
    world.engine.away = "connection refused"
    job = world.started()
    world.tick()
    assert world.offered == {job.id}


# --- acts ---


def test_the_attempt_is_stored_before_it_is_sent(world: World) -> None:
    job = world.started()
    world.decide()
    assert world.current_run(job).attempts == 1
    assert world.engine.performed == []


def test_nothing_is_decided_of_a_job_while_an_act_for_it_is_on_its_way(world: World) -> None:
    slow = world.started()
    world.decide()
    held = world.acts.waiting
    world.acts.waiting = []
    other = world.started()
    world.until(other, Status.RUNNING)
    assert world.current_run(slow).attempts == 1
    world.acts.waiting = held
    world.acts.do()
    world.until(slow, Status.RUNNING)


def test_the_end_of_an_act_asks_for_the_next_pass(world: World) -> None:
    world.started()
    world.decide()
    assert world.wakes == 0
    world.acts.do()
    assert world.wakes == 1


def test_a_submission_without_an_answer_is_sent_again_under_the_same_id(world: World) -> None:
    job = world.started()
    world.engine.holds_submissions = True
    world.tick()
    run = world.current_run(job)
    world.clock.now += lifecycle.SUBMIT_AGAIN_MS
    world.tick()
    world.engine.holds_submissions = False
    world.clock.now += lifecycle.SUBMIT_AGAIN_MS
    world.until(job, Status.RUNNING)
    assert world.current_run(job).id == run.id
    assert {action.job.run.id for action in world.engine.performed} == {run.id}
    assert world.current_run(job).attempts == 3


class RefusesCancels(Meddled):
    """Breaks the promise that only a submission is refused."""

    def perform(self, action: Action) -> None:
        if isinstance(action, Cancel):
            raise Refused("never")
        super().perform(action)


def test_an_act_that_fails_in_an_unforeseen_way_is_logged_and_tried_again(
    database: Database, project: str, caplog: pytest.LogCaptureFixture
) -> None:
    world = World(database, project, RefusesCancels)
    job = world.started()
    world.until(job, Status.RUNNING)
    world.stop(job)
    world.tick()
    world.tick()
    told = f"job {job.id}: Cancel failed"
    assert [record.getMessage() for record in caplog.records if record.levelno == logging.ERROR] == [told, told]


# --- one job must not stop the rest ---


def test_a_job_that_cannot_be_decided_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken = world.started(checkpoint_path="obs://No Bucket/")
    others = [world.started() for _ in range(2)]
    for job in others:
        world.until(job, Status.RUNNING)
    assert world.see(broken) == broken
    assert f"job {broken.id} could not be reconciled" in caplog.text


# --- the engine is away ---


@pytest.mark.parametrize("status", [Status.SUBMITTING, Status.RUNNING, Status.CANCELING])
def test_rows_stay_as_they_were_last_known_while_the_engine_does_not_answer(world: World, status: Status) -> None:
    job = world.started()
    world.tick()
    if status is not Status.SUBMITTING:
        world.until(job, Status.RUNNING)
    if status is Status.CANCELING:
        world.stop(job)
    before = world.see(job)
    world.engine.away = "connection refused"
    for _ in range(3):
        world.clock.now += learning.HOUR_MS
        world.tick()
    silent = world.see(job)
    assert silent.unreachable_since is not None
    assert changed(before, silent) == {"unreachable_since", "version", "written_at"}
    assert world.metrics.registry.get_sample_value("penstock_engine_up", {"queue_id": str(world.queue.id)}) == 0
    world.engine.away = None
    world.tick()
    assert (world.see(job).status, world.see(job).unreachable_since) == (status, None)
    assert world.metrics.registry.get_sample_value("penstock_engine_up", {"queue_id": str(world.queue.id)}) == 1


# --- a user's call ---


def test_a_call_that_comes_between_look_and_record_wins(world: World) -> None:
    job = world.started()
    world.until(job, Status.RUNNING)
    world.engine.end(world.current_run(job).id, Ending.FAILED, "boom")
    world.engine.meddle = lambda: world.stop(job)
    acted = list(world.engine.performed)
    world.tick()
    stopping = world.see(job)
    assert (stopping.goal, stopping.status, stopping.reason) == (Goal.STOP, Status.CANCELING, "")
    assert world.engine.performed == acted
    world.engine.meddle = None
    assert world.until(job, Status.CANCELLED).reason == ""


def test_an_act_that_was_decided_before_a_call_is_not_done_after_it(world: World) -> None:
    job = world.started()
    world.engine.meddle = lambda: world.stop(job)
    world.tick()
    world.engine.meddle = None
    assert world.engine.performed == []
    assert world.until(job, Status.CANCELLED).run is None


@pytest.mark.parametrize("ticks", [0, 1, 2, 5])
def test_a_deleted_job_is_ended_in_flink_in_whatever_stage_it_was(world: World, ticks: int) -> None:
    job = world.started()
    for _ in range(ticks):
        world.tick()
    world.delete(job)
    for _ in range(5):
        world.tick()
    assert world.see(job).goal is Goal.REST
    assert [run.how for run in world.engine.runs.values()] == ([Ending.CANCELED] if ticks else [])


# --- runs that nobody wants any more ---


def test_a_superseded_submission_that_lands_late_is_cancelled_and_the_job_runs_on(world: World) -> None:
    job = world.started()
    world.engine.holds_submissions = True
    world.tick()
    late = world.current_run(job).id
    world.stop(job)
    world.clock.now += lifecycle.SUBMIT_WINDOW_MS
    world.until(job, Status.CANCELLED)
    held, world.engine.held = world.engine.held, []
    world.engine.holds_submissions = False
    world.run(job)
    world.until(job, Status.RUNNING)
    world.engine.held = held
    world.engine.land()
    for _ in range(4):
        world.tick()
    assert world.engine.runs[late].how is Ending.CANCELED
    assert world.engine.runs[world.current_run(job).id].how is None
    assert world.see(job).status is Status.RUNNING


def test_a_submission_of_a_job_at_rest_that_lands_late_is_cancelled(world: World) -> None:
    job = world.started()
    world.engine.holds_submissions = True
    world.tick()
    late = world.current_run(job).id
    world.clock.now += lifecycle.SUBMIT_WINDOW_MS
    world.until(job, Status.SUBMIT_FAILED)
    world.engine.land()
    for _ in range(3):
        world.tick()
    assert world.engine.runs[late].how is Ending.CANCELED


def test_a_job_of_somebody_else_is_left_alone(world: World) -> None:
    stranger = world.create()
    run = Run("stranger", 1, cluster=world.engine.cluster)
    world.engine.perform(Submit(world.becomes(stranger, run=run, goal=Goal.REST)))
    world.becomes(stranger, run=None)
    world.engine.runs["nobody's"] = world.engine.runs.pop("stranger")
    world.until(world.started(), Status.RUNNING)
    for _ in range(3):
        world.tick()
    assert world.engine.runs["nobody's"].how is None


# --- room on the queue ---


@pytest.mark.covers("D2")
@pytest.mark.covers("E10")
def test_jobs_wait_for_room_in_the_order_they_were_asked_for(world: World) -> None:
    late, first, small = world.create(cus=6), world.create(cus=6), world.create(cus=2)
    for job in (first, late, small):
        world.run(job)
    world.until(first, Status.RUNNING)
    waiting = f"waiting for room on queue {world.queue.name!r}: needs 6 CUs and 1 slots, free are 2 and 7"
    assert (world.see(late).status, world.see(late).reason) == (Status.SUBMITTING, waiting)
    assert world.see(small).run is None, "it would fit, but came later"
    world.clock.now += learning.HOUR_MS
    world.stop(first)
    for job in (late, small):
        assert world.until(job, Status.RUNNING).reason == ""


def test_jobs_that_wait_for_slots_are_let_in_as_others_finish(world: World) -> None:
    queued = [world.started("bounded", parallelism=5) for _ in range(3)]
    for job in queued:
        world.until(job, Status.FINISHED)
    assert [action.job.id for action in world.engine.performed] == [job.id for job in queued]


def test_a_job_larger_than_its_queue_fails_at_once_and_holds_up_nobody(world: World) -> None:
    large, small = world.started(cus=9), world.started()
    world.tick()
    assert world.see(large).status is Status.SUBMIT_FAILED
    assert world.see(large).reason == f"needs 9 CUs and 1 slots; queue {world.queue.name!r} has 8 and 8 in all"
    world.until(small, Status.RUNNING)


def test_a_job_keeps_its_room_while_an_act_for_it_is_on_its_way(world: World) -> None:
    world.started(cus=6)
    world.decide()
    later = world.started(cus=6)
    world.decide()
    assert world.see(later).run is None


def test_a_waiting_job_that_is_stopped_is_stopped_at_once(world: World) -> None:
    world.started(cus=8)
    waiting = world.started()
    world.tick()
    world.stop(waiting)
    assert world.until(waiting, Status.CANCELLED).ended_at is None


def remarks(world: World, job: Job) -> list[str]:
    return [event.reason for event in world.events(job) if event.kind is Kind.REMARK]


def test_each_run_is_told_once_which_settings_take_no_effect(world: World) -> None:
    job = world.started(runtime_config="flink.dli.job.priority=1", taskmanager_slots=2)
    told = (
        "of runtime_config nothing here acts on flink.dli.job.priority; the jobs of this queue share a cluster: "
        "tm_slot_num count for admission, and size no process"
    )
    world.until(job, Status.RUNNING)
    assert remarks(world, job) == [told]
    kinds = [event.kind for event in world.events(job)]
    assert kinds.index(Kind.REMARK) == kinds.index(Kind.SUBMITTED) + 1
    world.stop(job)
    world.until(job, Status.CANCELLED)
    world.run(job)
    world.until(job, Status.RUNNING)
    assert remarks(world, job) == [told, told]


def test_settings_reach_the_engine_as_the_operator_reads_them(database: Database, project: str) -> None:
    world = World(database, project, site=Site(ttl_in_hours=True))
    job = world.started(state_ttl_s=2, dirty_data_strategy="0")
    world.until(job, Status.RUNNING)
    [submitted] = [action for action in world.engine.performed if isinstance(action, Submit)]
    told, kept = submitted.job.config, world.see(job).config
    assert (told.state_ttl_s, kept.state_ttl_s) == (7200, 2)
    assert (told.dirty_data_strategy, kept.dirty_data_strategy) == (None, "0")


def test_what_was_said_of_a_refused_submission_is_kept(world: World) -> None:
    job = world.started("wrong")
    world.until(job, Status.SUBMIT_FAILED)
    [(run_id, told)] = world.noted
    assert (run_id in {event.run_id for event in world.events(job)}, told) == (
        True,
        "line 1, column 8: no such table",
    )


# --- what an older version has taken ---


def test_a_job_whose_sizes_make_no_sense_ends_and_keeps_no_other_from_running(world: World) -> None:
    senseless, other = world.started(cus=1, manager_cus=1), world.started()
    world.until(other, Status.RUNNING)
    ended = world.see(senseless)
    assert (ended.status, ended.reason) == (
        Status.SUBMIT_FAILED,
        "its sizes (cu_number and its parts, or resource_config) make no sense",
    )


def test_a_job_that_runs_goes_on_although_its_sizes_make_no_sense_any_more(world: World) -> None:
    job = world.started()
    senseless = replace(world.until(job, Status.RUNNING).config, cus=1, manager_cus=1)
    world.becomes(job, config=senseless)
    world.until(world.started(), Status.RUNNING)
    assert world.see(job).status is Status.RUNNING
    world.stop(job)
    world.until(job, Status.CANCELLED)


def test_a_restart_with_settings_that_make_no_sense_is_sent_for_the_engine_to_refuse(world: World) -> None:
    job = world.started(restart_on_failure=True)
    senseless = replace(world.until(job, Status.RUNNING).config, runtime_config="nonsense")
    world.becomes(job, config=senseless, run=Run(uuid.uuid4().hex, submit_at=0))
    world.tick()
    world.tick()
    assert world.current_run(job).attempts == 1


def test_a_job_that_asks_for_a_line_that_is_served_no_more_ends_and_says_so(world: World) -> None:
    waiting, job = world.started(flink_version="1.9"), world.started(restart_on_failure=True)
    restarting = world.until(job, Status.RUNNING)
    older = replace(restarting.config, flink_version="1.9")
    world.becomes(job, config=older, run=Run(uuid.uuid4().hex, submit_at=0))
    world.tick()
    ended = [world.see(each) for each in (waiting, job)]
    assert [each.status for each in ended] == [Status.SUBMIT_FAILED, Status.EXCEPTION]
    assert all(each.reason.startswith("flink_version must be one of 1.10, ") for each in ended)


def test_a_job_whose_row_cannot_be_read_is_left_as_it_is_and_no_other_with_it(
    world: World, database: Database
) -> None:
    job = world.started()
    before = world.until(job, Status.RUNNING)
    world.scribble(job, config='{"cus": "many"}')
    for _ in range(3):
        world.tick()
    world.until(world.started(), Status.RUNNING)
    after = world.see(job)
    assert (after.status, after.run, after.version) == (Status.RUNNING, before.run, before.version)
    assert after.unreadable is not None
    assert "config (Expected `int`, got `str` - at `$.cus`)" in after.unreadable
    assert [type(action) for action in world.engine.performed] == [Submit, Submit]
    with pytest.raises(NotAllowed, match="is left as it is: this version of Penstock cannot read"):
        world.stop(job)
    world.scribble(job, config="{}")
    world.stop(job)
    world.until(job, Status.CANCELLED)
