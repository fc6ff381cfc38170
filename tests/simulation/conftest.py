import pytest

from penstock.store.database import Database
from tests.store.conftest import database, database_url, make_project

__all__ = ["database", "database_url"]


@pytest.fixture(scope="module")
def module_project(database: Database) -> str:
    return make_project(database)
