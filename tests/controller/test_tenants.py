"""The jobs of a queue that must leave its cluster."""

import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from penstock.controller.tenants import MOVE_AGAIN_MS, MOVE_MOST_MS, Tenants
from penstock.domain import history
from penstock.domain.job import Goal, Job, Status
from penstock.domain.queue import Queue
from penstock.store import jobs
from penstock.store.database import Database
from tests.domain import cases
from tests.store.conftest import draft

NOW = cases.NOW


@pytest.fixture
def tenants(database: Database) -> Tenants:
    queue = Queue(uuid.uuid4().hex, cus=8)
    return Tenants(queue, database, lambda: NOW, lambda: "trigger")


@pytest.fixture
def put(database: Database, project: str, tenants: Tenants) -> Callable[..., Job]:
    """Store a job of the queue that is like another, with a run on the cluster `old`."""

    def put(like: Job, *, cluster: str = "old", **fields: Any) -> Job:
        like = replace(like, queue=tenants.queue.name, **fields)
        with database.write() as tx:
            made = jobs.create(tx, draft(project, queue=tenants.queue.name), history.CONTROLLER)
            run = replace(like.run, id=uuid.uuid4().hex, cluster=cluster) if like.run else None
            names = {"id": made.id, "project_id": project, "name": made.name, "version": made.version}
            stored = jobs.record(tx, made, replace(like, run=run, **names), NOW, history.CONTROLLER)
        assert stored is not None
        return stored

    return put


def stored(database: Database, job: Job) -> Job:
    with database.read() as tx:
        return jobs.get_any(tx, job.id)


def test_what_runs_on_a_cluster_is_asked_to_move_once(
    tenants: Tenants, put: Callable[..., Job], database: Database
) -> None:
    running, starting, elsewhere = put(cases.RUNNING), put(cases.STARTING), put(cases.RUNNING, cluster="new")
    assert tenants.move_off("old") == 2
    moving = stored(database, running)
    assert moving.savepoint_request is not None
    assert (moving.status, moving.savepoint_request.moves) == (Status.RUNNING, True)
    assert moving.savepoint_request.give_up_at == NOW + MOVE_MOST_MS
    assert (stored(database, starting), stored(database, elsewhere)) == (starting, elsewhere)
    with database.write() as tx:
        assert jobs.record(tx, moving, replace(moving, savepoint_request=None), NOW, history.CONTROLLER)
    assert tenants.move_off("old") == 1  # it is not waited for any longer
    assert stored(database, running).savepoint_request is None


def test_a_job_whose_savepoint_failed_is_asked_again_when_its_cluster_is_to_be_recycled_anew(
    tenants: Tenants, put: Callable[..., Job], database: Database
) -> None:
    running = put(cases.RUNNING)
    tenants.move_off("old")
    moving = stored(database, running)
    with database.write() as tx:
        jobs.record(tx, moving, replace(moving, savepoint_request=None), NOW, history.CONTROLLER)
    tenants.now_ms = lambda: NOW + MOVE_AGAIN_MS
    tenants.move_off("old")
    assert stored(database, running).savepoint_request is not None


def test_a_cluster_holds_the_only_state_of_jobs_that_run_without_a_checkpoint(
    tenants: Tenants, put: Callable[..., Job]
) -> None:
    stateless = put(cases.RUNNING)
    put(cases.with_run(cases.RUNNING, checkpoint="obs://b/chk-7/"))
    put(cases.STARTING)
    put(cases.RUNNING, goal=Goal.STOP, status=Status.CANCELING)
    assert tenants.would_lose("old") == [stateless.id]
    assert tenants.would_lose("new") == []


def test_a_job_hinders_the_end_of_its_cluster_if_it_has_no_checkpoint_and_cannot_write_a_savepoint(
    tenants: Tenants, put: Callable[..., Job]
) -> None:
    put(cases.RUNNING)
    put(cases.with_run(cases.RUNNING, checkpoint="obs://b/chk-7/", troubled=True))
    restarting = put(cases.with_run(cases.RUNNING, troubled=True))
    saving = put(cases.RUNNING, status=Status.SAVEPOINTING)
    assert tenants.hindered_by("old") == [restarting.id, saving.id]
    assert tenants.hindered_by("new") == []


def test_the_runs_of_a_queue_are_those_that_its_jobs_have_now(
    tenants: Tenants, put: Callable[..., Job], database: Database
) -> None:
    active = [put(cases.RUNNING), put(cases.SUBMITTED, cluster="own")]
    put(cases.job())
    assert tenants.runs() == {job.run.id for job in active if job.run}
