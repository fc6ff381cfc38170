"""The API over real HTTP on a loopback port, with a real SQLite database and no engine behind it."""

import shutil
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from penstock.client import Signature
from penstock.domain.errors import NotFound
from penstock.domain.graph import Figures, Graph
from penstock.domain.history import CONTROLLER
from penstock.domain.job import Job
from penstock.domain.queue import Queue
from penstock.domain.roles import Role
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.flink.job_logs import JobLogs
from penstock.flink.storage_map import InFolder, StorageMap
from penstock.server import protocol
from penstock.server.app import create_app
from penstock.server.operation import Context
from penstock.store import access, jobs, queues
from penstock.store.access import Key
from penstock.store.contents import Contents
from penstock.store.database import Database, open_database, sqlite_url
from penstock.store.vault import Vault, open_vault
from penstock.telemetry import Metrics


@dataclass
class Clock:
    """The real time, which a test can move."""

    offset_ms: int = 0

    def __call__(self) -> int:
        return time.time_ns() // 1_000_000 + self.offset_ms


@dataclass
class Flink:
    """What Flink says to the questions of calls."""

    graph: Graph | Exception | None = None
    figures: dict[int, Figures | None] = field(default_factory=dict)
    planned: list[Job] = field(default_factory=list)

    def plan(self, job: Job) -> Graph:
        self.planned.append(job)
        if isinstance(self.graph, Exception):
            raise self.graph
        return self.graph or Graph("", (), ())

    def figures_of(self, job: Job) -> Figures | None:
        return self.figures.get(job.id, Figures())


@dataclass
class Service:
    """A running service: who may call it, and what a test needs to see behind it."""

    url: str
    database: Database
    vault: Vault
    key: Key
    clock: Clock
    context: Context
    woken: list[int] = field(default_factory=list)
    not_ready: list[str] = field(default_factory=list)
    flink: Flink = field(default_factory=Flink)

    def __post_init__(self) -> None:
        self.http = self.client(self.key)
        self.anonymous = self.client(None)

    def client(self, key: Key | None) -> httpx.Client:
        signature = Signature(key.access_key, key.secret) if key else None
        # Loading certificates that plain HTTP does not need takes longer than most tests.
        return httpx.Client(base_url=self.url, auth=signature, timeout=30, trust_env=False, verify=False)

    def path(self, tail: str, project_id: str | None = None) -> str:
        return f"/v1.0/{project_id or self.key.project_id}/streaming{tail}"

    def call(self, method: str, tail: str, body: object = None, **query: object) -> httpx.Response:
        """Call with a JSON body, or with none."""
        return self.http.request(method, self.path(tail), json=body, params=query or None)

    def create(self, **fields: object) -> int:
        given = {"name": f"job_{uuid.uuid4().hex[:8]}", **fields}
        response = self.call("POST", "/sql-jobs", given)
        assert response.status_code == 200, response.text
        return int(response.json()["job"]["job_id"])

    def show(self, job_id: int) -> dict[str, Any]:
        response = self.call("GET", f"/jobs/{job_id}")
        assert response.status_code == 200, response.text
        return dict(response.json()["job_detail"])

    def names(self, **query: object) -> list[str]:
        """The names of the jobs that a list shows, in its order."""
        response = self.call("GET", "/jobs", **query)
        assert response.status_code == 200, response.text
        return [job["name"] for job in response.json()["job_list"]["jobs"]]

    def stored(self, job_id: int) -> Job:
        with self.database.read() as tx:
            return jobs.get(tx, self.key.project_id, job_id)

    def becomes(self, job_id: int, **changes: object) -> None:
        """Let the job become what a controller would make of it."""
        before = self.stored(job_id)
        with self.database.write() as tx:
            assert jobs.record(tx, before, replace(before, **changes), self.clock(), CONTROLLER)

    def new_key(self, project: str, user: str, role: Role = Role.ADMIN) -> Key:
        with self.database.write() as tx:
            return access.create_key(tx, self.vault, project=project, user=user, now=self.clock(), role=role)


@dataclass
class Switch:
    """An ASGI application that passes to the one in use."""

    app: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        assert self.app is not None
        await self.app(scope, receive, send)


@contextmanager
def listening(
    app: Switch, trusted_proxies: str | None = None, http: type[protocol.Protocol] | None = None
) -> Iterator[str]:
    """Serve the application on a free port of the loopback address."""
    server = uvicorn.Server(protocol.configuration(app, trusted_proxies, http))
    listener = socket.create_server(("127.0.0.1", 0))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
            time.sleep(0.001)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()


def new_folder(folder: Path) -> Key:
    """Make a database with the queues `default` and `stream_a`, one project, one user and one key."""
    database = open_database(sqlite_url(folder / "penstock.db"))
    with database.write() as tx:
        for name in ("default", "stream_a"):
            queues.put_default(tx, Queue(name, cus=16), now=1)
        key = access.create_key(tx, open_vault(folder / "key"), project="main", user="maria", now=1)
    database.close()
    return key


def storage_in(root: Path) -> StorageMap:
    """Give the buckets `penstock` and `state` to all, and `theirs` to a project that no test has."""
    homes = {name: InFolder(root / name, is_made=True) for name in ("penstock", "state")}
    theirs = InFolder(root / "theirs", is_made=True, projects=frozenset({"another"}))
    return StorageMap({**homes, "theirs": theirs})


@contextmanager
def service_in(folder: Path, template: Path, key: Key, url: str, switch: Switch) -> Iterator[Service]:
    """Put a service on a fresh copy of the template folder in charge of the port."""
    shutil.copytree(template, folder, dirs_exist_ok=True)
    database, vault = open_database(sqlite_url(folder / "penstock.db")), open_vault(folder / "key")
    clock = Clock()
    woken: list[int] = []
    not_ready: list[str] = []
    flink = Flink()
    buckets = Buckets(folder / "buckets", storage_in(folder / "buckets"))

    def download(project_id: str, address: str, to: Path, limit: int) -> None:
        try:
            buckets.of_project(project_id).download(address, to, limit)
        except BucketFailure as error:
            raise NotFound(str(error)) from error

    def state_at(project_id: str, address: str) -> str | None:
        try:
            return buckets.of_project(project_id).state_at(address)
        except BucketFailure as error:
            raise NotFound(str(error)) from error

    context = Context(
        database=database,
        vault=vault,
        now_ms=clock,
        new_id=lambda: uuid.uuid4().hex,
        wake=lambda: woken.append(1),
        readiness=lambda: not_ready[0] if not_ready else None,
        flink_line="2.3",
        metrics=Metrics(),
        knows_bucket=lambda project_id, name: buckets.of_project(project_id).knows(name),
        state_at=state_at,
        logs=JobLogs(folder, buckets.scrub),
        contents=Contents(folder / "packages", limit=1 << 20),
        download=download,
        buckets=buckets.of_project,
        plan=flink.plan,
        figures=flink.figures_of,
    )
    switch.app = create_app(context)
    service = Service(url, database, vault, key, clock, context, woken, not_ready, flink)
    with service.http, service.anonymous:
        yield service
    database.close()
