"""One database of each kind for the whole suite; each test has a project of its own in it."""

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from penstock.domain.history import CONTROLLER
from penstock.domain.job import Job
from penstock.store import database as opening
from penstock.store import jobs
from penstock.store.database import Database
from penstock.store.schema import PROJECTS
from tests import postgres
from tests.domain.cases import job


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Name an empty database of each kind."""
    if request.param == "postgresql":
        return postgres.server().new_database()
    return opening.sqlite_url(tmp_path_factory.mktemp(request.param) / "penstock.db")


@pytest.fixture
def postgres_url() -> str:
    """Name an empty PostgreSQL database that only this test has."""
    return postgres.server().new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def fresh_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Name an empty database of each kind that only this test has."""
    if request.param == "postgresql":
        return postgres.server().new_database()
    return opening.sqlite_url(tmp_path / "penstock.db")


@pytest.fixture(scope="session")
def database(database_url: str) -> Iterator[Database]:
    opened = opening.open_database(database_url)
    yield opened
    opened.close()


@pytest.fixture
def project(database: Database) -> str:
    return make_project(database)


@pytest.fixture
def create(database: Database, project: str) -> Callable[..., Job]:
    """Store a job of the test's project."""

    def create(**fields: Any) -> Job:
        with database.write() as tx:
            return jobs.create(tx, draft(project, **fields), CONTROLLER)

    return create


def make_project(database: Database) -> str:
    project_id = uuid.uuid4().hex
    with database.write() as tx:
        tx.execute(insert(PROJECTS).values(id=project_id, name=project_id))
    return project_id


def draft(project_id: str, **fields: Any) -> Job:
    return replace(job(id=0, project_id=project_id, name=f"job_{uuid.uuid4().hex[:8]}"), **fields)
