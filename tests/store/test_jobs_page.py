"""The list, against one that a few lines of Python make of the same jobs."""

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from penstock.domain.history import CONTROLLER
from penstock.domain.job import Job, JobFilter, JobType, Status
from penstock.domain.queue import Queue
from penstock.store import jobs, queues
from penstock.store.database import Database
from tests.store.conftest import draft, make_project

NAMES = ["clicks", "Clicks", "click_s", "cl%cks", "clicks[1]", "c*", "views", "日本", "ab", "xaby", "a'b", "a\\b"]
PARTS = ["", "c", "C", "clicks", "lick", "_", "%", "[", "*", "ab", "日", "'", "\\", "nothing"]
TYPES = [JobType.SQL, JobType.OPENSOURCE_SQL, JobType.JAR]
QUEUES, USERS = ["default", "stream_a"], ["maria", "li"]
TAGS = [("team", "a"), ("team", "b"), ("env", "prod"), ("env", ""), ("Team", "a")]


@pytest.fixture(scope="module")
def pool(database: Database) -> list[Job]:
    """Make jobs of two projects, some of them deleted, with few different values."""
    dice = random.Random(4)
    projects = [make_project(database) for _ in range(2)]
    elsewhere = Queue("stream_a", cus=1, project_id=projects[0], traits={"enterprise_project_id": "other"})
    with database.write() as tx:
        queues.create(tx, elsewhere, now=1)
        return [
            jobs.create(
                tx,
                draft(
                    projects[number % 3 // 2],
                    name=f"{dice.choice(NAMES)}{number}",
                    type=dice.choice(TYPES),
                    status=dice.choice(list(Status)[:4]),
                    queue=dice.choice(QUEUES),
                    user_name=dice.choice(USERS),
                    tags=dict(dice.sample(TAGS, dice.randint(0, 3))),
                    created_at=1,
                    deleted_at=1 if dice.random() < 0.15 else None,
                ),
                CONTROLLER,
            )
            for number in range(90)
        ]


def enterprise_project(pool: list[Job], job: Job) -> str:
    is_elsewhere = (job.project_id, job.queue) == (pool[0].project_id, "stream_a")
    return "other" if is_elsewhere else "default"


def naive_page(pool: list[Job], wanted: JobFilter) -> tuple[list[Job], int]:
    exact = {"type": wanted.type, "status": wanted.status, "queue": wanted.queue, "user_name": wanted.user_name}
    matching = [
        job
        for job in pool
        if job.project_id == wanted.project_id
        and job.deleted_at is None
        and all(value is None or getattr(job, name) == value for name, value in exact.items())
        and (wanted.name_part or "") in job.name
        and wanted.tags.items() <= job.tags.items()
        and wanted.root_job_id is None
        and wanted.enterprise_project in (None, enterprise_project(pool, job))
    ]
    beyond = matching
    if wanted.after_id is not None:
        below = wanted.descending != wanted.backwards
        beyond = [job for job in matching if (job.id < wanted.after_id if below else job.id > wanted.after_id)]
    nearest_first = sorted(beyond, key=lambda job: job.id, reverse=wanted.descending != wanted.backwards)
    page = nearest_first[wanted.offset : wanted.offset + wanted.limit]
    return sorted(page, key=lambda job: job.id, reverse=wanted.descending), len(matching)


@pytest.mark.covers("A1")
@pytest.mark.covers("A3")
@pytest.mark.covers("A7")
@pytest.mark.covers("A9")
@pytest.mark.covers("A11")
@pytest.mark.covers("B4")
@given(data=st.data())
@settings(max_examples=250, deadline=None)
def test_a_page_is_what_a_naive_list_gives(database: Database, pool: list[Job], data: st.DataObject) -> None:
    def draw(values: list[object]) -> object:
        return data.draw(st.none() | st.sampled_from(values))

    wanted = JobFilter(
        project_id=data.draw(st.sampled_from([pool[0].project_id, pool[2].project_id, "nobody's"])),
        type=draw(TYPES),
        status=draw(list(Status)[:5]),
        queue=draw([*QUEUES, "no such queue"]),
        user_name=draw([*USERS, "Maria"]),
        name_part=draw(PARTS),
        tags=dict(data.draw(st.lists(st.sampled_from(TAGS), max_size=2))),
        root_job_id=data.draw(st.sampled_from([None] * 9 + [pool[0].id])),
        enterprise_project=data.draw(st.sampled_from([None] * 7 + ["default", "other", "nobody's"])),
        after_id=data.draw(st.none() | st.integers(pool[0].id - 1, pool[-1].id + 1)),
        backwards=data.draw(st.booleans()),
        descending=data.draw(st.booleans()),
        offset=data.draw(st.integers(0, 20)),
        limit=data.draw(st.integers(0, 30)),
    )
    with database.read() as tx:
        assert jobs.page(tx, wanted) == naive_page(pool, wanted)


@pytest.mark.covers("A4")
@pytest.mark.parametrize("descending", [True, False])
def test_pages_in_turn_show_every_job_once_in_the_order_of_creation(
    database: Database, project: str, create: Callable[..., Job], descending: bool
) -> None:
    made = [create(created_at=1).id for _ in range(7)]
    wanted = JobFilter(project, descending=descending, limit=3)
    with database.read() as tx:
        by_offset = [job.id for offset in (0, 3, 6, 9) for job in jobs.page(tx, replace(wanted, offset=offset))[0]]
        by_cursor: list[int] = []
        while page := jobs.page(tx, replace(wanted, after_id=by_cursor[-1] if by_cursor else None))[0]:
            by_cursor += [job.id for job in page]
    assert by_offset == by_cursor == sorted(made, reverse=descending)


@pytest.mark.covers("A10")
def test_all_tags_must_match_exactly(database: Database, project: str, create: Callable[..., Job]) -> None:
    both, one = create(tags={"team": "a", "env": "prod"}), create(tags={"team": "a", "env": "test"})
    create(tags={"a": "team", "prod": "env"})

    def ids(**tags: str) -> list[int]:
        with database.read() as tx:
            return [job.id for job in jobs.page(tx, JobFilter(project, tags=tags))[0]]

    assert ids(team="a") == [one.id, both.id]
    assert ids(team="a", env="prod") == [both.id]
    assert ids(team="A") == []


def test_the_total_and_the_rows_are_of_one_moment(
    database: Database, project: str, create: Callable[..., Job]
) -> None:
    """A job that another transaction makes between the two queries shows up in neither."""
    first = create()
    made: list[Job] = []
    with database.read() as tx:

        @event.listens_for(tx, "after_cursor_execute")
        def write_in_between(*_: object) -> None:
            if not made:
                made.append(create())

        assert jobs.page(tx, JobFilter(project)) == ([first], 1)
    with database.read() as tx:
        assert jobs.page(tx, JobFilter(project)) == ([*made, first], 2)
