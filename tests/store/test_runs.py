"""The folders of runs: when they are on record, and that what one is about to use is never removed."""

import uuid
from collections.abc import Callable
from dataclasses import replace

from penstock.domain.history import CONTROLLER
from penstock.domain.job import Goal, Job, Run
from penstock.store import jobs, runs
from penstock.store.database import Database
from penstock.store.runs import Folder
from penstock.store.schema import RUNS

PLACE = "obs://penstock/jobs/1/run/"


def submitted(database: Database, create: Callable[..., Job]) -> str:
    """Give the id of a run that was sent."""
    job, run = create(), Run(uuid.uuid4().hex, submit_at=1)
    for next_run in (run, replace(run, attempts=1, checkpoints=PLACE)):
        with database.write() as tx:
            stored = jobs.record(tx, job, replace(job, goal=Goal.RUN, run=next_run), 1, CONTROLLER)
            assert stored
            job = stored
    return run.id


def folders(database: Database, run_id: str) -> list[Folder]:
    with database.read() as tx:
        job_id = tx.execute(RUNS.select().where(RUNS.c.id == run_id)).one().job_id
        return runs.folders(tx, [job_id]).get(job_id, [])


def test_the_folder_of_a_run_is_on_record_once_the_run_is_sent(
    database: Database, create: Callable[..., Job]
) -> None:
    run_id = submitted(database, create)
    assert folders(database, run_id) == [Folder(run_id, PLACE, is_condemned=False)]


def test_a_run_that_is_sent_at_once_has_its_folder_on_record(
    database: Database, create: Callable[..., Job]
) -> None:
    run = Run(uuid.uuid4().hex, submit_at=1, checkpoints=PLACE)
    job = create()
    with database.write() as tx:
        jobs.record(tx, job, replace(job, goal=Goal.RUN, run=run), 1, CONTROLLER)
    assert folders(database, run.id) == [Folder(run.id, PLACE, is_condemned=False)]


def test_a_folder_stays_on_record_until_it_is_removed(database: Database, create: Callable[..., Job]) -> None:
    run_id = submitted(database, create)
    with database.write() as tx:
        assert runs.condemn(tx, run_id, now=2)
    assert folders(database, run_id) == [Folder(run_id, PLACE, is_condemned=True)]
    with database.write() as tx:
        runs.forget_folder(tx, run_id)
    assert folders(database, run_id) == []


def test_a_folder_that_is_kept_is_never_condemned(database: Database, create: Callable[..., Job]) -> None:
    run_id = submitted(database, create)
    with database.write() as tx:
        assert runs.keep_folder(tx, run_id)
        assert runs.keep_folder(tx, run_id)
        assert not runs.condemn(tx, run_id, now=2)
    assert folders(database, run_id) == []


def test_a_folder_that_is_condemned_or_removed_cannot_be_kept(
    database: Database, create: Callable[..., Job]
) -> None:
    run_id = submitted(database, create)
    with database.write() as tx:
        runs.condemn(tx, run_id, now=2)
        assert not runs.keep_folder(tx, run_id)
        runs.forget_folder(tx, run_id)
        assert not runs.keep_folder(tx, run_id)


def test_a_run_that_nobody_knows_needs_no_keeping(database: Database) -> None:
    with database.write() as tx:
        assert runs.keep_folder(tx, uuid.uuid4().hex)
