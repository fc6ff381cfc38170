"""Connectors by name on real Flink: what a job lacks is named, and what is added is taken up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.client import Client
from penstock.flink.distribution import FlinkHome
from tests.real.conftest import Served, penstock, wait_for
from tests.real.test_job_state import CHECKPOINTS, COPYING, FILES, copied
from tests.real.test_statuses import made, started, until

pytestmark = [pytest.mark.flink, pytest.mark.connectors]

TO_AVRO = """\
CREATE TABLE ten (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
CREATE TABLE files (n INT) WITH ('connector' = 'filesystem', 'path' = '{path}', 'format' = 'avro');
INSERT INTO files SELECT n FROM ten;
"""
FROM_KAFKA = """\
CREATE TABLE topic (n INT) WITH (
  'connector' = 'kafka', 'topic' = 't', 'properties.bootstrap.servers' = '127.0.0.1:9',
  'scan.startup.mode' = 'earliest-offset', 'format' = 'json'
);
CREATE TABLE nothing (n INT) WITH ('connector' = 'blackhole');
INSERT INTO nothing SELECT n FROM topic;
"""


@pytest.fixture
def cache(engine_home: FlinkHome, tmp_path: Path) -> Path:
    """An engine cache of its own, with the Flink of the suite."""
    assert engine_home.cache is not None
    engines = tmp_path / "cache" / "engines"
    engines.mkdir(parents=True)
    for installed in (engine_home.cache / "engines").glob("[fj]*-*[0-9]"):
        (engines / installed.name).symlink_to(installed)
    return tmp_path / "cache"


@pytest.fixture
def serving(cache: Path, tmp_path: Path) -> Iterator[Served]:
    (tmp_path / "data").mkdir()
    service = Served(tmp_path / "data")
    try:
        service.start("--cache-dir", str(cache))
        service.wait_until_ready()
        yield service
    finally:
        service.stop("--engines")


@pytest.fixture
def client(serving: Served) -> Iterator[Client]:
    with serving.client() as client:
        yield client


def add(cache: Path, *names: str) -> None:
    done = penstock("connectors", "add", *names, "--cache-dir", str(cache))
    if "it cannot be reached" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr


def refused(client: Client, name: str, sql: str) -> str:
    job_id = made(client, name, sql)
    client.run_jobs([job_id])
    return str(until(client, job_id, "job_submit_fail")["status_desc"])


def test_what_a_job_lacks_is_named_and_taken_up_once_it_is_added(
    serving: Served, client: Client, cache: Path, tmp_path: Path
) -> None:
    avro = TO_AVRO.format(path=(tmp_path / "avro").as_uri())
    assert refused(client, "lacks-kafka", FROM_KAFKA).endswith("; install it with: penstock connectors add kafka")
    assert refused(client, "lacks-avro", avro).endswith("; install it with: penstock connectors add avro")
    files = FILES.format(path=(tmp_path / "copies").as_uri(), format="csv")
    copying = started(client, "copying", COPYING.format(files=files), **CHECKPOINTS)
    pids = serving.flink_unit["pids"]
    add(cache, "kafka", "avro")
    wait_for(lambda: not set(serving.flink_unit["pids"]) & set(pids), "the new cluster")
    job_id = made(client, "avro", avro)
    client.run_jobs([job_id])
    until(client, job_id, "job_finish")
    (part,) = (tmp_path / "avro").glob("part-*")
    assert part.read_bytes().startswith(b"Obj\x01")
    started(client, "kafka", FROM_KAFKA)
    wait_for(lambda: copied(tmp_path / "copies")[:200] == list(range(1, 201)), "each number once")
    assert client.show_job(copying)["restart_times"] == 0
