"""Connectors by name on real Flink: what a job lacks is named, and what is added is taken up."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.client import Client
from penstock.flink.distribution import FlinkHome
from tests.real.conftest import Served, penstock, wait_for
from tests.real.test_job_config import delete_all
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


@pytest.fixture(scope="module")
def cache(engine_home: FlinkHome, older_home: FlinkHome, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engine cache of its own, with the Flinks of the suite."""
    assert engine_home.cache is not None
    assert engine_home.cache == older_home.cache
    cache = tmp_path_factory.mktemp("cache")
    (cache / "engines").mkdir()
    for installed in (engine_home.cache / "engines").glob("[fj]*-*[0-9]"):
        (cache / "engines" / installed.name).symlink_to(installed)
    return cache


@pytest.fixture(scope="module")
def serving(cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    service = Served(tmp_path_factory.mktemp("data"))
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
        delete_all(client)


def add(cache: Path, *names: str) -> None:
    done = penstock("connectors", "add", *names, "--cache-dir", str(cache))
    if "it cannot be reached" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr


def refused(client: Client, name: str, sql: str) -> str:
    job_id = made(client, name, sql)
    client.run_jobs([job_id])
    return str(until(client, job_id, "job_submit_fail")["status_desc"])


def finishes(client: Client, name: str, sql: str, **fields: object) -> None:
    job_id = made(client, name, sql, **fields)
    client.run_jobs([job_id])
    until(client, job_id, "job_finish")


def is_avro(folder: Path) -> bool:
    (part,) = folder.glob("part-*")
    return part.read_bytes().startswith(b"Obj\x01")


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
    finishes(client, "avro", avro)
    assert is_avro(tmp_path / "avro")
    started(client, "kafka", FROM_KAFKA)
    wait_for(lambda: copied(tmp_path / "copies")[:200] == list(range(1, 201)), "each number once")
    assert client.show_job(copying)["restart_times"] == 0


def test_the_older_line_has_connectors_of_its_own(client: Client, cache: Path, tmp_path: Path) -> None:
    add(cache, "kafka", "avro", "--flink", "1.20")
    finishes(client, "avro", TO_AVRO.format(path=(tmp_path / "avro").as_uri()), flink_version="1.20")
    assert is_avro(tmp_path / "avro")
    started(client, "kafka", FROM_KAFKA, flink_version="1.20")
