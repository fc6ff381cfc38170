"""The rows of jobs: what is written comes back, and a write that read an older row is dropped."""

import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError

from penstock.domain.errors import AlreadyExists, JobNotFound
from penstock.domain.history import CONTROLLER
from penstock.domain.job import Goal, Job, JobConfig, Run, Status
from penstock.domain.queue import Queue
from penstock.store import jobs
from penstock.store.database import Database
from penstock.store.schema import JOBS
from tests.store.conftest import draft, make_project

TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
INT = st.integers(0, 2**31 - 1)
TIME = st.integers(0, 2**63 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | INT | TEXT, lambda inner: st.lists(inner) | st.dictionaries(TEXT, inner)
)


def of(kind: type, **fields: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """Give values of a dataclass with every field drawn, those with a default too."""
    return st.builds(kind, **{name: st.from_type(hint) for name, hint in kind.__annotations__.items()} | fields)


st.register_type_strategy(str, TEXT)
st.register_type_strategy(int, TIME)
CONFIG = of(JobConfig, resource_config=st.none() | st.dictionaries(TEXT, JSON, max_size=3))
ROW = of(
    Job,
    id=st.just(0),
    config=CONFIG,
    run=st.none() | of(Run),
    unreadable=st.none(),
    restart_count=INT,
    tags=st.dictionaries(TEXT, TEXT, max_size=3),
    deleted_at=st.none(),
    version=INT,
)
WITH_A_DATABASE = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def named_anew(row: Job) -> Job:
    """Give the job a name, and its run an id, that no other has."""
    return replace(row, name=row.name + uuid.uuid4().hex, run=row.run and replace(row.run, id=uuid.uuid4().hex))


@given(ROW)
@WITH_A_DATABASE
def test_every_field_of_a_job_comes_back_as_it_was_written(database: Database, project: str, row: Job) -> None:
    row = named_anew(replace(row, project_id=project))
    with database.write() as tx:
        created = jobs.create(tx, row, CONTROLLER)
    with database.read() as tx:
        assert jobs.get(tx, project, created.id) == created == replace(row, id=created.id)


@given(ROW)
@WITH_A_DATABASE
def test_every_field_of_a_job_can_be_changed(database: Database, project: str, row: Job) -> None:
    row = named_anew(replace(row, project_id=project, tags={}))
    with database.write() as tx:
        before = jobs.create(tx, draft(project), CONTROLLER)
        after = jobs.record(tx, before, replace(row, id=before.id), at=77, by=CONTROLLER)
    wanted = replace(row, id=before.id, written_at=77, version=before.version + 1)
    with database.read() as tx:
        assert jobs.get(tx, project, before.id) == after == wanted


@pytest.mark.covers("C1")
def test_ids_only_grow_even_after_the_newest_job_is_deleted(database: Database, create: Callable[..., Job]) -> None:
    first = create()
    with database.write() as tx:
        jobs.record(tx, first, replace(first, deleted_at=1), at=1, by=CONTROLLER)
    assert create().id > first.id > 0


@pytest.mark.covers("A0")
def test_a_job_is_not_there_for_another_project(
    database: Database, project: str, create: Callable[..., Job]
) -> None:
    made = create()
    other = make_project(database)
    with database.read() as tx:
        assert jobs.get(tx, project, made.id) == made
        with pytest.raises(JobNotFound, match=f"job {made.id} does not exist"):
            jobs.get(tx, other, made.id)


def test_a_deleted_job_is_gone_for_users_and_there_for_the_controller(
    database: Database, project: str, create: Callable[..., Job]
) -> None:
    made = create()
    with database.write() as tx:
        deleted = jobs.record(tx, made, replace(made, deleted_at=5, goal=Goal.DELETE), at=5, by=CONTROLLER)
    with database.read() as tx:
        assert jobs.get_any(tx, made.id) == deleted
        assert deleted in jobs.active(tx, Queue(made.queue, cus=1))
        with pytest.raises(JobNotFound):
            jobs.get(tx, project, made.id)


# --- what cannot be read ---


@pytest.mark.parametrize("column", ["config", "program", "restarts", "savepoint", "savepoint_request"])
def test_what_cannot_be_read_of_a_row_is_told_and_outlives_a_change(
    database: Database, create: Callable[..., Job], column: str
) -> None:
    made, newer = create(), '{"cus": "many", "dependency_jars": 7, "path": 7}'
    with database.write() as tx:
        tx.execute(update(JOBS).where(JOBS.c.id == made.id).values({column: newer}))
        read = jobs.get_any(tx, made.id)
        assert jobs.record(tx, read, replace(read, name="another"), at=77, by=CONTROLLER)
        stored = tx.execute(select(JOBS.c[column], JOBS.c.name).where(JOBS.c.id == made.id)).one()
    assert read.unreadable is not None
    assert read.unreadable.startswith(f"this version of Penstock cannot read of its row: {column} (")
    assert (replace(read, unreadable=None), tuple(stored)) == (made, (newer, "another"))


def test_a_run_that_cannot_be_read_is_still_known_to_be_the_jobs(
    database: Database, create: Callable[..., Job]
) -> None:
    made, run_id = create(), uuid.uuid4().hex
    with database.write() as tx:
        jobs.record(tx, made, replace(made, run=Run(run_id, 1)), at=2, by=CONTROLLER)
        newer = f'{{"id": "{run_id}", "submit_at": "soon"}}'
        tx.execute(update(JOBS).where(JOBS.c.id == made.id).values(run=newer))
        read = jobs.get_any(tx, made.id)
        assert jobs.superseded(tx, [run_id]) == set()
    assert read.run is not None
    assert (read.run.id, read.unreadable is None) == (run_id, False)


# --- names ---


def test_a_name_is_taken_once_in_a_project(create: Callable[..., Job]) -> None:
    create(name="clicks")
    with pytest.raises(AlreadyExists, match="'clicks'"):
        create(name="clicks")
    create(name="Clicks")


def test_a_row_that_no_caller_can_break_is_not_called_a_taken_name(database: Database) -> None:
    with pytest.raises(IntegrityError) as told, database.write() as tx:
        jobs.create(tx, draft("no such project", sql="SELECT 'secret'"), CONTROLLER)
    assert "secret" not in str(told.value)


def test_a_name_is_free_in_another_project(database: Database, create: Callable[..., Job]) -> None:
    create(name="clicks")
    other = make_project(database)
    with database.write() as tx:
        assert jobs.create(tx, draft(other, name="clicks"), CONTROLLER).name == "clicks"


def test_a_name_is_free_again_once_its_job_is_deleted(database: Database, create: Callable[..., Job]) -> None:
    for _ in range(2):
        made = create(name="clicks")
        with database.write() as tx:
            jobs.record(tx, made, replace(made, deleted_at=1), at=1, by=CONTROLLER)
    create(name="clicks")


def test_a_job_cannot_take_the_name_of_another(database: Database, create: Callable[..., Job]) -> None:
    create(name="clicks")
    other = create(name="views")
    with pytest.raises(AlreadyExists, match="'clicks'"), database.write() as tx:
        jobs.record(tx, other, replace(other, name="clicks"), at=1, by=CONTROLLER)


def test_a_job_is_found_by_its_name_until_it_is_deleted(
    database: Database, project: str, create: Callable[..., Job]
) -> None:
    made = create(name="clicks", tags={"team": "web"})
    with database.write() as tx:
        assert jobs.named(tx, project, "clicks") == made
        assert jobs.named(tx, project, "Clicks") is None
        assert jobs.named(tx, "other", "clicks") is None
        jobs.record(tx, made, replace(made, deleted_at=1), at=1, by=CONTROLLER)
        assert jobs.named(tx, project, "clicks") is None


def test_all_jobs_of_a_project_are_read_by_id_however_many_they_are(
    database: Database, project: str, create: Callable[..., Job]
) -> None:
    made = [create(name=f"job{number}", tags={"number": f"{number}"}) for number in range(101)]
    create(name="deleted", deleted_at=1)
    other = make_project(database)
    with database.write() as tx:
        jobs.create(tx, draft(other, name="foreign"), CONTROLLER)
    with database.read() as tx:
        assert list(jobs.of_project(tx, project)) == made


def test_tags_replace_those_that_were_there(database: Database, project: str, create: Callable[..., Job]) -> None:
    made = create(tags={"team": "web", "stage": "dev"})
    for tags in ({"team": "ads"}, {}):
        with database.write() as tx:
            jobs.put_tags(tx, made.id, tags)
            assert jobs.get(tx, project, made.id).tags == tags


# --- writes name the version they read ---


def test_a_write_that_read_an_older_row_changes_nothing(
    database: Database, project: str, create: Callable[..., Job]
) -> None:
    before = create()
    with database.write() as tx:
        after = jobs.record(
            tx, before, replace(before, status=Status.RUNNING, run=run("first")), at=5, by=CONTROLLER
        )
    with database.write() as tx:
        assert (
            jobs.record(tx, before, replace(before, status=Status.FINISHED, run=run("late")), at=9, by=CONTROLLER)
            is None
        )
    with database.read() as tx:
        assert jobs.get(tx, project, before.id) == after
        assert jobs.superseded(tx, ["late"]) == set()


def test_writers_at_the_same_time_wait_for_each_other_and_none_is_lost(
    database: Database, project: str, create: Callable[..., Job]
) -> None:
    made = create()
    together = threading.Barrier(8)

    def count() -> None:
        together.wait()
        for _ in range(10):
            with database.write() as tx:
                job = jobs.get(tx, project, made.id, for_update=True)
                assert jobs.record(tx, job, replace(job, restart_count=job.restart_count + 1), at=1, by=CONTROLLER)

    with ThreadPoolExecutor(8) as pool:
        for each in [pool.submit(count) for _ in range(8)]:
            each.result()
    with database.read() as tx:
        assert jobs.get(tx, project, made.id).restart_count == 80


# --- for the controller ---


def test_the_controller_has_work_with_every_job_that_is_not_at_rest_first_asked_for_first(
    database: Database, create: Callable[..., Job]
) -> None:
    queue = uuid.uuid4().hex
    asked_at = {
        Goal.RUN: 30,
        Goal.STOP: 10,
        Goal.STOP_WITH_SAVEPOINT: 20,
        Goal.WATCH: 10,
        Goal.DELETE: 5,
        Goal.REST: 1,
    }
    made = [create(queue=queue, goal=goal, requested_at=at) for goal, at in asked_at.items()]
    create(goal=Goal.RUN)
    with database.read() as tx:
        assert jobs.active(tx, Queue(queue, cus=1)) == [made[4], made[1], made[3], made[2], made[0]]


def test_a_run_is_superseded_once_its_job_has_another_or_none(
    database: Database, create: Callable[..., Job]
) -> None:
    ids = [uuid.uuid4().hex for _ in range(3)]
    job = create()
    for each in (run(ids[0]), run(ids[1])):
        with database.write() as tx:
            job = jobs.record(tx, job, replace(job, run=each), at=1, by=CONTROLLER)
    with database.write() as tx:
        assert jobs.superseded(tx, [*ids, "a stranger's"]) == {ids[0]}
        jobs.record(tx, job, replace(job, run=None), at=2, by=CONTROLLER)
        assert jobs.superseded(tx, ids) == {ids[0], ids[1]}


def test_jobs_are_counted_by_status_without_the_deleted(database: Database, create: Callable[..., Job]) -> None:
    with database.read() as tx:
        before = jobs.count_by_status(tx).get(Status.IDLE, 0)
    create(status=Status.IDLE)
    create(status=Status.IDLE, deleted_at=1)
    with database.read() as tx:
        assert jobs.count_by_status(tx)[Status.IDLE] == before + 1


def run(run_id: str) -> Run:
    return Run(run_id, 0)
