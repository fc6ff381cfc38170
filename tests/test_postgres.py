import dataclasses

import psycopg
import pytest

from tests.postgres import Database


def test_a_database_is_reached_over_its_port_with_the_password(postgres_server: Database) -> None:
    with postgres_server.connect() as connection:
        assert connection.execute("SELECT current_database()").fetchone() == (postgres_server.name,)


def test_a_wrong_password_is_refused(postgres_server: Database) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        dataclasses.replace(postgres_server, password="another").connect()
