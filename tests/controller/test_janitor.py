"""The janitor on a real database and real folders: what leaves the record and the buckets, and what stays."""

import logging
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from penstock.controller.janitor import Janitor
from penstock.domain.history import CONTROLLER, Kind
from penstock.domain.job import Goal, Job, Run, Savepoint, SavepointOrigin, Status
from penstock.domain.queue import Holder, Queue
from penstock.flink.buckets import Buckets
from penstock.store import database as opening
from penstock.store import events, jobs, queues, runs
from penstock.store.database import Database
from penstock.store.events import EventFilter
from penstock.store.schema import JOBS
from tests.store.conftest import draft, make_project

NOW, UNTIL = 1_000, 2_000


@dataclass
class World:
    """A queue that the janitor's process keeps."""

    database: Database
    project: str
    queue: str
    root: Path
    janitor: Janitor

    def create(self) -> Job:
        with self.database.write() as tx:
            return jobs.create(tx, draft(self.project, queue=self.queue), CONTROLLER)

    def change(self, job: Job, **fields: Any) -> Job:
        with self.database.write() as tx:
            changed = jobs.record(tx, job, replace(job, **fields), NOW, CONTROLLER)
        assert changed
        return changed

    def stored(self, job: Job) -> Job:
        with self.database.read() as tx:
            return jobs.get(tx, self.project, job.id)

    def remarks(self, job: Job) -> list[str]:
        with self.database.read() as tx:
            told = events.page(tx, EventFilter(self.project, job.id, kinds=[Kind.REMARK]))
        return [each.event.reason for each in told]

    def write(self, state: str) -> str:
        folder = self.root.joinpath(*state.removeprefix("obs://").split("/"))
        folder.mkdir(parents=True)
        (folder / "_metadata").touch()
        return state

    def holds(self, address: str) -> bool:
        return self.root.joinpath(*address.removeprefix("obs://").split("/")).exists()

    def superseded(self) -> tuple[Job, str]:
        """A job in its second run, which has a checkpoint, and the folder of its first."""
        first, second = (_run() for _ in range(2))
        assert first.checkpoints
        old, new = (self.write(f"{run.checkpoints}chk-1/") for run in (first, second))
        job = self.change(self.create(), goal=Goal.RUN, status=Status.RUNNING, run=first, newest_state=old)
        job = self.change(job, run=replace(second, resume_from=old), restore_point=old)
        assert job.run
        return self.change(job, run=replace(job.run, checkpoint=new), newest_state=new), first.checkpoints


def _run() -> Run:
    run_id = uuid.uuid4().hex
    return Run(run_id, NOW, attempts=1, seen=True, ran=True, checkpoints=f"obs://penstock/jobs/{run_id}/")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    database = opening.open_database(opening.sqlite_url(tmp_path / "penstock.db"))
    project, root = make_project(database), tmp_path / "buckets"
    holder = Holder(uuid.uuid4().hex, "here")
    with database.write() as tx:
        queue = queues.create(tx, Queue(uuid.uuid4().hex, cus=8, project_id=project), NOW)
        assert queues.take_lease(tx, queue.id, holder, NOW, UNTIL)
    yield World(database, project, queue.name, root, Janitor(database, Buckets(root), holder, lambda: NOW))
    database.close()


def saved(world: World, bucket: str = "penstock", **fields: Any) -> Job:
    savepoint = Savepoint(world.write(f"obs://{bucket}/{uuid.uuid4().hex}/savepoint-1/"), SavepointOrigin.REQUEST)
    return world.change(world.create(), savepoint=savepoint, **fields)


def lose(world: World, job: Job) -> str:
    assert job.savepoint
    shutil.rmtree(world.root.joinpath(*job.savepoint.path.removeprefix("obs://").split("/")))
    return job.savepoint.path


def test_a_savepoint_whose_files_are_gone_leaves_the_record_and_an_event_says_so(world: World) -> None:
    job, kept = saved(world), saved(world)
    lost = lose(world, job)
    world.janitor.make_round()
    assert (world.stored(job).savepoint, world.stored(job).restore_point) == (None, lost)
    assert world.remarks(job) == [f"its savepoint is off the record: the files at {lost} are gone"]
    assert world.stored(kept) == kept


def test_a_savepoint_is_left_on_record_while_a_run_is_on_its_way(world: World) -> None:
    job = saved(world, goal=Goal.RUN, status=Status.SUBMITTING)
    lose(world, job)
    world.janitor.make_round()
    assert world.stored(job) == job


def test_savepoints_stay_on_record_while_their_bucket_is_away_which_is_logged_once(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job, other = saved(world), saved(world, "other")
    shutil.rmtree(world.root / "penstock")
    lose(world, other)
    with caplog.at_level(logging.WARNING):
        world.janitor.make_round()
        world.janitor.make_round()
    assert world.stored(job) == job
    assert world.stored(other).savepoint is None
    assert len(caplog.messages) == 1
    assert f"job {job.id}: cannot use obs://penstock/" in caplog.messages[0]


def test_the_checkpoints_of_a_superseded_run_are_removed_and_those_of_the_present_one_stay(world: World) -> None:
    job, old = world.superseded()
    world.janitor.make_round()
    assert not world.holds(old)
    assert job.newest_state
    assert world.holds(job.newest_state)
    with world.database.read() as tx:
        assert [each.run_id for each in runs.folders(tx, [job.id])[job.id]] == [job.run and job.run.id]


def test_the_checkpoints_of_a_superseded_run_stay_while_the_newer_one_is_not_to_be_found(world: World) -> None:
    job, old = world.superseded()
    assert job.newest_state
    shutil.rmtree(world.root.joinpath(*job.newest_state.removeprefix("obs://").split("/")))
    world.janitor.make_round()
    assert world.holds(f"{old}chk-1/")


def test_checkpoints_that_were_imported_stay(world: World) -> None:
    _, old = world.superseded()
    with world.database.write() as tx:
        assert runs.keep_folder(tx, old.rstrip("/").rpartition("/")[2])
    world.janitor.make_round()
    assert world.holds(f"{old}chk-1/")


def test_a_removal_that_was_cut_off_is_finished(world: World) -> None:
    job, old = world.superseded()
    with world.database.write() as tx:
        assert runs.condemn(tx, old.rstrip("/").rpartition("/")[2], NOW)
    world.change(job, run=None, goal=Goal.REST, status=Status.EXCEPTION, newest_state=None, restore_point=None)
    world.janitor.make_round()
    assert not world.holds(old)


def test_the_jobs_of_another_process_are_left_alone(world: World) -> None:
    _, old = world.superseded()
    stranger = Janitor(world.database, Buckets(world.root), Holder("another", "here"), lambda: NOW)
    stranger.make_round()
    assert world.holds(old)


def test_nothing_is_removed_of_a_job_whose_row_cannot_be_read(world: World) -> None:
    job, old = world.superseded()
    with world.database.write() as tx:
        tx.execute(update(JOBS).where(JOBS.c.id == job.id).values(savepoint='{"path": 7}'))
    world.janitor.make_round()
    assert world.holds(old)
