"""The keeper of logs on a real database and real folders: what is copied to buckets, and what is removed."""

import logging
import os
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from penstock.controller.log_keeper import FORGOTTEN_AFTER_MS, RUNS_KEPT, LogKeeper
from penstock.domain.history import CONTROLLER
from penstock.domain.job import Job, JobConfig, Run
from penstock.flink import job_logs
from penstock.flink.buckets import Buckets
from penstock.flink.job_logs import JobLogs
from penstock.flink.storage_map import Home, InFolder, StorageMap
from penstock.store import jobs
from penstock.store.database import Database
from tests.flink.test_buckets import on_server
from tests.parts.s3 import S3Server
from tests.store.conftest import draft

NOW = 10 * FORGOTTEN_AFTER_MS


@dataclass
class World:
    database: Database
    project: str
    data_dir: Path
    now: int = NOW

    def __post_init__(self) -> None:
        self.buckets = Buckets(self.data_dir / "buckets")
        self.logs = JobLogs(self.data_dir, self.buckets.scrub)
        self.keeper = LogKeeper(self.database, self.logs, self.buckets, lambda: self.now, every_s=3600)

    def keeper_of(self, homes: dict[str, Home]) -> LogKeeper:
        """Give one whose buckets have these homes."""
        buckets = Buckets(self.data_dir / "buckets", StorageMap(homes))
        return LogKeeper(self.database, self.logs, buckets, lambda: self.now, every_s=3600)

    def create(self, **config: Any) -> Job:
        with self.database.write() as tx:
            return jobs.create(tx, draft(self.project, config=JobConfig(**config)), CONTROLLER)

    def change(self, job: Job, **fields: Any) -> Job:
        with self.database.write() as tx:
            changed = jobs.record(tx, job, replace(job, **fields), self.now, CONTROLLER)
        assert changed
        return changed

    def with_run(self, job: Job) -> tuple[Job, str]:
        """Give the job another run, which has logged a line."""
        self.now += 1
        run_id = uuid.uuid4().hex
        job = self.change(job, run=Run(run_id, submit_at=0))
        self.write(run_id)
        return job, run_id

    def write(self, run_id: str, text: str = "a line\n", name: str = "jobmanager.log") -> None:
        file = job_logs.folder(self.data_dir) / run_id / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        os.utime(file, (self.now / 1000, self.now / 1000))

    def in_bucket(self, bucket: str) -> dict[str, str]:
        root = self.data_dir / "buckets" / bucket
        return {str(file.relative_to(root)): file.read_text() for file in root.rglob("*") if file.is_file()}


@pytest.fixture
def world(database: Database, project: str, tmp_path: Path) -> World:
    return World(database, project, tmp_path)


def test_logs_are_copied_to_the_bucket_of_a_job_that_wants_it(world: World) -> None:
    job, run_id = world.with_run(world.create(log_enabled=True, bucket="logs"))
    world.with_run(world.create(bucket="logs"))
    world.write(run_id, f"at {world.data_dir}/buckets/b/x\n", "taskmanager-1.log.1")
    world.logs.note_failure(run_id, "no such table")
    world.keeper.make_round()
    copies = world.in_bucket("logs")
    client = copies.pop(f"jobs/logs/{job.id}/submit-client/{run_id}.log")
    assert client.endswith(" no such table\n")
    folder = f"jobs/logs/{job.id}/application_{run_id}"
    assert copies == {f"{folder}/jobmanager.log": "a line\n", f"{folder}/taskmanager-1.log.1": "at obs://b/x\n"}


def test_a_file_is_copied_again_when_there_are_new_lines(world: World) -> None:
    job, run_id = world.with_run(world.create(log_enabled=True))
    world.now += 60_000
    world.keeper.make_round()
    copy = world.data_dir / f"buckets/penstock/jobs/logs/{job.id}/application_{run_id}/jobmanager.log"
    copy.unlink()
    world.keeper.make_round()
    assert not copy.exists()
    world.write(run_id, "a line\nand another\n")
    world.keeper.make_round()
    assert copy.read_text() == "a line\nand another\n"


@pytest.mark.connectors
def test_logs_are_copied_to_a_bucket_on_a_server(world: World, s3_server: S3Server) -> None:
    name = f"logs-{uuid.uuid4().hex[:8]}"
    s3_server.make_bucket(name)
    keeper = world.keeper_of({"logs": on_server(s3_server, name, prefix="pre fix")})
    job, run_id = world.with_run(world.create(log_enabled=True, bucket="logs"))
    world.write(run_id, "full\n" * 100_000, "taskmanager-1.log.1")
    keeper.make_round()
    world.now += 60_000
    world.write(run_id, "a line\nand another\n")
    keeper.make_round()
    folder = s3_server.data / name / "pre fix" / "jobs" / "logs" / str(job.id) / f"application_{run_id}"
    copies = {file.name: file.read_text() for file in folder.iterdir()}
    assert copies == {"jobmanager.log": "a line\nand another\n", "taskmanager-1.log.1": "full\n" * 100_000}


def test_logs_are_not_copied_to_a_bucket_of_another_project(world: World, caplog: pytest.LogCaptureFixture) -> None:
    theirs = world.data_dir / "theirs"
    theirs.mkdir()
    keeper = world.keeper_of({"theirs": InFolder(theirs, projects=frozenset({"another"}))})
    world.with_run(world.create(log_enabled=True, bucket="theirs"))
    keeper.make_round()
    assert "there is no bucket 'theirs'" in caplog.text
    assert list(theirs.iterdir()) == []


def test_a_bucket_that_cannot_be_used_is_told_once_and_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job, run_id = world.with_run(world.create(log_enabled=True, bucket="blocked"))
    obstacle = world.data_dir / "buckets" / "blocked"
    obstacle.parent.mkdir()
    obstacle.write_text("a file where a folder must be")
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            world.keeper.make_round()
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [f"job {job.id}"]
    obstacle.unlink()
    world.keeper.make_round()
    assert world.in_bucket("blocked") == {f"jobs/logs/{job.id}/application_{run_id}/jobmanager.log": "a line\n"}


def test_the_logs_of_the_newest_runs_of_a_job_are_kept(world: World) -> None:
    job, run_ids = world.create(), []
    for _ in range(RUNS_KEPT + 2):
        job, run_id = world.with_run(job)
        run_ids.append(run_id)
    _, other = world.with_run(world.create())
    world.keeper.make_round()
    assert world.logs.run_ids() == {*run_ids[2:], other}


def test_logs_that_no_job_has_are_removed_after_a_while(world: World) -> None:
    job, deleted = world.with_run(world.create())
    world.change(job, deleted_at=world.now)
    stranger = uuid.uuid4().hex
    world.write(stranger)
    world.keeper.make_round()
    assert world.logs.run_ids() == {deleted, stranger}
    world.now += FORGOTTEN_AFTER_MS + 1
    world.keeper.make_round()
    assert world.logs.run_ids() == set()
