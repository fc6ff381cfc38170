from tests.store.conftest import database, database_url, project

__all__ = ["database", "database_url", "project"]
