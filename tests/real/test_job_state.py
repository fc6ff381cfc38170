"""State of a job on real Flink, seen in what the job writes: how long it lives, and what a restart does."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from penstock.client import Client
from tests.real.conftest import Served, wait_for
from tests.real.test_job_config import delete_all
from tests.real.test_statuses import started

pytestmark = pytest.mark.flink
covers = pytest.mark.covers

FILES = """\
'connector' = 'filesystem', 'path' = '{path}', 'format' = '{format}',
'sink.rolling-policy.rollover-interval' = '100 ms', 'sink.rolling-policy.check-interval' = '100 ms'
"""
COUNTING = """\
CREATE TABLE visits (k STRING) WITH (
  'connector' = 'filesystem', 'path' = '{visits}', 'format' = 'json', 'source.monitor-interval' = '100 ms'
);
CREATE TABLE counts (k STRING, n BIGINT) WITH ({files});
INSERT INTO counts SELECT k, COUNT(*) FROM visits GROUP BY k;
"""
COPYING = """\
CREATE TABLE numbers (n BIGINT) WITH (
  'connector' = 'datagen', 'rows-per-second' = '20',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '100000'
);
CREATE TABLE copies (n BIGINT) WITH ({files});
INSERT INTO copies SELECT n FROM numbers;
"""


CHECKPOINTS: dict[str, Any] = {"checkpoint_enabled": True, "checkpoint_interval": 1}


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client("keys", "create", "--project", "state", "--user", "jo") as client:
        yield client
        delete_all(client)


@covers("E13")
def test_state_that_is_not_used_is_forgotten_after_its_time_and_kept_for_ever_with_0(
    client: Client, tmp_path: Path
) -> None:
    visits, counts = tmp_path / "visits", {0: tmp_path / "kept", 1: tmp_path / "forgotten"}
    visits.mkdir()
    for ttl_s, folder in counts.items():
        files = FILES.format(path=folder.as_uri(), format="debezium-json")
        sql = COUNTING.format(visits=visits.as_uri(), files=files)
        started(client, folder.name, sql, idle_state_retention=ttl_s, **CHECKPOINTS)
    put(visits, "two.json", '{"k": "a"}\n' * 2)
    wait_for(lambda: all(counted(folder) == [1, 2] for folder in counts.values()), "the first counts")
    wait_for(lambda: all(age_s(folder) > 1.5 for folder in counts.values()), "the state to outlive its time")
    put(visits, "one_more.json", '{"k": "a"}\n')
    wait_for(lambda: all(len(counted(folder)) == 3 for folder in counts.values()), "the next count")
    assert (counted(counts[0]), counted(counts[1])) == ([1, 2, 3], [1, 1, 2])


@covers("E12")
@covers("E21")
def test_a_restarted_job_goes_on_from_its_newest_checkpoint_or_begins_anew(client: Client, tmp_path: Path) -> None:
    rows = {True: tmp_path / "goes_on", False: tmp_path / "anew"}
    jobs = {resume: started_copying(client, folder, resume_checkpoint=resume) for resume, folder in rows.items()}
    wait_for(lambda: all(len(copied(folder)) > 20 for folder in rows.values()), "the first checkpoints")
    obstacle = tmp_path / "obstacle"
    obstacle.touch()
    for folder in rows.values():
        lead(link_to(folder), obstacle)
    wait_for(lambda: all(client.show_job(job_id)["status_desc"] for job_id in jobs.values()), "the failures")
    before = {resume: len(copied(folder)) for resume, folder in rows.items()}
    for folder in rows.values():
        lead(link_to(folder), folder)
    wait_for(lambda: all(len(copied(rows[each])) > before[each] + 20 for each in rows), "more rows")
    going_on, anew = copied(rows[True]), copied(rows[False])
    assert going_on == list(range(1, len(going_on) + 1))
    assert anew.count(1) == 2
    wait_for(lambda: all(client.show_job(job_id)["restart_times"] == 1 for job_id in jobs.values()), "the restarts")
    assert client.list_jobs(status="job_running")["total_count"] == 2


def started_copying(client: Client, folder: Path, **settings: object) -> int:
    """Start a job that numbers rows, and writes them through a link that can lead elsewhere."""
    folder.mkdir()
    lead(link_to(folder), folder)
    sql = COPYING.format(files=FILES.format(path=link_to(folder).as_uri(), format="csv"))
    return started(client, folder.name, sql, restart_when_exception=True, **CHECKPOINTS, **settings)


def link_to(folder: Path) -> Path:
    return folder.with_suffix(".link")


def lead(link: Path, target: Path) -> None:
    """Let the link lead there from now on; there is no moment without it, in which Flink would make a folder."""
    new = link.with_suffix(".new")
    new.symlink_to(target)
    new.replace(link)


def put(folder: Path, name: str, text: str) -> None:
    """Write a file that Flink sees only once it is whole."""
    hidden = folder / f".{name}"
    hidden.write_text(text)
    hidden.rename(folder / name)


def counted(folder: Path) -> list[int]:
    changes = [json.loads(line) for line in lines(folder)]
    return sorted(change["after"]["n"] for change in changes if change["op"] == "c")


def copied(folder: Path) -> list[int]:
    return sorted(int(line) for line in lines(folder))


def lines(folder: Path) -> list[str]:
    """Read what checkpoints have made final."""
    return [line for file in folder.glob("part-*") for line in file.read_text().splitlines()]


def age_s(folder: Path) -> float:
    return time.time() - max(file.stat().st_mtime for file in folder.glob("part-*"))
