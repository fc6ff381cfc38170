"""A real Flink that keeps its state on a real S3-compatible server."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from penstock.domain.engine import Ending, Refused
from penstock.flink import connectors
from penstock.flink.buckets import Buckets
from penstock.flink.cluster import LocalCluster
from penstock.flink.distribution import FlinkHome
from penstock.flink.engine import Engines, FlinkEngine
from penstock.flink.storage_map import StorageMap
from tests.conftest import now_ms, skipping_what_cannot_be_fetched, wait_until_ready
from tests.engine_contract import Case, Kind
from tests.flink.test_buckets import on_server
from tests.flink.test_engine import FlinkWorld, writing_to
from tests.parts import artifacts
from tests.parts.s3 import S3Server

pytestmark = [pytest.mark.flink, pytest.mark.connectors]

PLUGIN = artifacts.Artifact(
    "org.apache.flink:flink-s3-fs-hadoop:2.3.0",
    "5a3de2daac49e9df1783367391f994dace3bfa18c168b45c3d4563decca7d3d0",
    31_724_253,
)
REAL = "real-state"


@pytest.fixture
def buckets(s3_server: S3Server, tmp_path: Path) -> Buckets:
    s3_server.make_bucket(REAL)
    return Buckets(tmp_path / "buckets", StorageMap({"penstock": on_server(s3_server, REAL, prefix="pre fix/2")}))


@pytest.fixture
def cluster(engine_home: FlinkHome, buckets: Buckets, tmp_path: Path) -> Iterator[LocalCluster]:
    home, cached = tmp_path / "home", artifacts.CACHE / "parts" / "flink-s3"
    cached.mkdir(parents=True, exist_ok=True)
    with skipping_what_cannot_be_fetched():
        artifacts.fetch(PLUGIN, cached)
    (home / "plugins").mkdir(parents=True)
    (home / "plugins" / "s3").symlink_to(cached)
    (home / "lib").symlink_to(engine_home.lib)
    with_s3 = replace(engine_home, lib=home / "lib")
    cluster = LocalCluster(with_s3, tmp_path / "data", slots=2, file_systems=buckets.flink_settings())
    yield cluster
    cluster.stop()


@pytest.mark.covers("E5")
def test_state_lies_on_the_server_and_a_job_goes_on_from_it(
    cluster: LocalCluster, buckets: Buckets, s3_server: S3Server, tmp_path: Path
) -> None:
    url = cluster.start().rest_url
    assert cluster.has_s3
    with contextlib.closing(FlinkEngine(url, Engines(buckets, now_ms), has_s3=cluster.has_s3)) as engine:
        wait_until_ready(engine)
        goes_on_from_its_savepoint(FlinkWorld(engine, buckets, tmp_path / "out"), s3_server)
        writes_what_its_script_says(FlinkWorld(engine, buckets, tmp_path / "out"), s3_server)
    nobody_is_told_a_key(url, tmp_path / "data" / "engines" / "default", s3_server)
    with contextlib.closing(FlinkEngine(url, Engines(buckets, now_ms), has_s3=False)) as without:
        case = Case(FlinkWorld(without, buckets, tmp_path / "out"), 2, Kind.NUMBERS)
        with pytest.raises(Refused) as refused:
            case.submit()
    told = connectors.advised(refused.value.reason, FlinkHome("2.3.0", tmp_path, None, tmp_path))
    assert told.endswith(
        "no file system implementation for scheme 's3'; install it with: penstock connectors add s3"
    )
    assert cluster.newer() is None
    changed = LocalCluster(cluster._home, tmp_path / "data", file_systems={"s3.endpoint": "http://s3.test"})
    assert changed.adopt()
    assert changed.newer() is not None


def goes_on_from_its_savepoint(world: FlinkWorld, server: S3Server) -> None:
    first = Case(world, 1, Kind.NUMBERS).submit()
    checkpoint = first.until(lambda seen: seen.checkpoint)
    assert checkpoint.startswith(f"obs://penstock/jobs/checkpoint/1/{first.run_id}/chk-")
    savepoint = first.stop_with_savepoint()
    there = server.data / REAL / "pre fix" / "2"
    assert (there / savepoint.removeprefix("obs://penstock/") / "_metadata").is_file()
    again = Case(world, 1, Kind.NUMBERS, savepoint).submit()
    again.until_produced(max(world.produced(1)) + 5)
    assert sorted(world.produced(1)) == list(range(1, len(world.produced(1)) + 1))
    removed_with_all_it_has(first, world.buckets, there)


def writes_what_its_script_says(world: FlinkWorld, server: S3Server) -> None:
    case = writing_to("penstock", Case(world, 3, Kind.BOUNDED)).submit()
    assert case.until_ended().how is Ending.FINISHED
    files = (server.data / REAL / "pre fix" / "2" / "the lake" / "3").glob("part-*")
    assert "".join(file.read_text() for file in files) == "obs://penstock/a\n" * 2


def removed_with_all_it_has(case: Case, buckets: Buckets, there: Path) -> None:
    run = case.job.run
    assert run is not None
    assert run.checkpoints is not None
    assert (there / "jobs" / "checkpoint" / "1" / case.run_id).is_dir()
    buckets.remove_checkpoints(run.checkpoints)
    assert not (there / "jobs" / "checkpoint" / "1" / case.run_id).exists()


def nobody_is_told_a_key(url: str, folder: Path, server: S3Server) -> None:
    with httpx.Client(base_url=url, trust_env=False) as http:
        manager = http.get("/taskmanagers").json()["taskmanagers"][0]["id"]
        paths = ("/jobmanager/config", "/jobmanager/environment", "/jobmanager/log", f"/taskmanagers/{manager}/log")
        told = [http.get(path).text for path in paths]
    told += [log.read_text() for log in (folder / "log").iterdir()]
    assert any("s3.bucket.real-state.endpoint" in each for each in told)
    for each in told:
        assert server.access_key not in each
        assert server.secret_key not in each
    config = folder / "conf" / "config.yaml"
    assert server.secret_key in config.read_text()
    assert config.stat().st_mode & 0o777 == 0o600
