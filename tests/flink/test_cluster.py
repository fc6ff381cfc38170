"""The cluster as a unit of processes, which outlives its starter and is ended for certain."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from penstock.flink import cluster, processes
from penstock.flink.buckets import Buckets
from penstock.flink.cluster import LocalCluster
from penstock.flink.distribution import FlinkHome
from penstock.flink.engine import Engines, FlinkEngine
from tests.conftest import now_ms, wait_until_ready
from tests.engine_contract import Case, Kind
from tests.flink.test_engine import FlinkWorld

pytestmark = pytest.mark.flink

_STARTER = """\
import sys
from pathlib import Path
from penstock.flink import distribution
from penstock.flink.cluster import LocalCluster
home = distribution.installed("2.3.0", Path(sys.argv[1]))
LocalCluster(home, Path(sys.argv[2]), slots=2).start()
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    cluster.stop_all(tmp_path)


@pytest.fixture
def unit(engine_home: FlinkHome, data_dir: Path) -> LocalCluster:
    return LocalCluster(engine_home, data_dir, slots=2)


def engines_of(data_dir: Path) -> list[psutil.Process]:
    return processes.find([processes.data_dir_mark(data_dir)])


def wait(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_cluster_outlives_its_starter_and_is_adopted(
    engine_home: FlinkHome, unit: LocalCluster, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PENSTOCK_SECRET", "s3cret")
    monkeypatch.setenv("HUAWEICLOUD_SDK_SK", "s3cret")
    cache = engine_home.java.parents[5]
    subprocess.run([sys.executable, "-c", _STARTER, str(cache), str(data_dir)], check=True)
    assert unit.adopt()
    assert unit.is_alive()
    engines = engines_of(data_dir)
    assert unit.unit is not None
    assert {engine.pid for engine in engines} == set(unit.unit.pids)
    for engine in engines:
        assert set(engine.environ()) <= {"PATH", "HOME", "LANG", "TZ", "FLINK_PLUGINS_DIR", "PENSTOCK_MARKS"}
    assert cluster.stop_all(data_dir) == 2
    assert not unit.is_alive()
    assert engines_of(data_dir) == []


@pytest.mark.parametrize("killed", [0, 1], ids=["JobManager", "TaskManager"])
def test_half_a_cluster_is_ended_whoever_watches_it(unit: LocalCluster, data_dir: Path, killed: int) -> None:
    psutil.Process(unit.start().pids[killed]).kill()
    wait(lambda: engines_of(data_dir) == [])
    assert not unit.is_alive()
    assert not unit.adopt()


def test_a_start_ends_what_nobody_remembers(engine_home: FlinkHome, unit: LocalCluster, data_dir: Path) -> None:
    forgotten = set(unit.start().pids)
    (data_dir / "engines" / "default" / "unit.json").unlink()
    other = LocalCluster(engine_home, data_dir, slots=2)
    assert not other.adopt()
    fresh = set(other.start().pids)
    assert {engine.pid for engine in engines_of(data_dir)} == fresh
    assert not fresh & forgotten
    assert not unit.is_alive()


def test_the_engines_of_a_queue_that_is_no_more_are_ended_and_removed(
    engine_home: FlinkHome, data_dir: Path
) -> None:
    kept, forgotten = (LocalCluster(engine_home, data_dir, name) for name in ("queue-1", "queue-2/run"))
    kept.start()
    forgotten.start()
    assert cluster.folders(data_dir) == {"queue-1", "queue-2"}
    cluster.forget(data_dir, "queue-2")
    assert kept.is_alive()
    assert len(engines_of(data_dir)) == 2
    assert cluster.folders(data_dir) == {"queue-1"}


def test_what_a_cluster_writes_is_for_its_owner_only(unit: LocalCluster, data_dir: Path) -> None:
    unit.start()
    folder = data_dir / "engines" / "default"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "unit.json").stat().st_mode & 0o777 == 0o600


def test_a_job_goes_on_from_its_newest_checkpoint_on_the_next_cluster(unit: LocalCluster, data_dir: Path) -> None:
    buckets = Buckets(data_dir / "buckets")
    first, case = connect(unit, buckets, data_dir, None)
    known = case.submit().until(lambda seen: seen.checkpoint)
    case.until_produced(max(case.world.produced(case.job.id), default=0) + 30)
    assert unit.unit is not None
    psutil.Process(unit.unit.pids[0]).kill()
    first.close()
    second, again = connect(unit, buckets, data_dir, known)
    assert again.see() is None
    again.submit().until_produced(max(again.world.produced(case.job.id)) + 5)
    produced = sorted(again.world.produced(case.job.id))
    assert produced == list(range(1, len(produced) + 1))
    second.close()


def test_only_a_cluster_that_lived_counts_as_ended_on_purpose(unit: LocalCluster) -> None:
    died = unit.start()
    psutil.Process(died.pids[0]).kill()
    wait(lambda: not unit.is_alive())
    unit.stop()
    ended = unit.start()
    unit.stop()
    assert not unit.adopt()
    assert unit.unit == ended
    assert (unit.was_ended(died.incarnation), unit.was_ended(ended.incarnation)) == (False, True)


def test_nothing_is_started_or_ended_during_the_transition_of_another_process(
    engine_home: FlinkHome, unit: LocalCluster, data_dir: Path
) -> None:
    other = LocalCluster(engine_home, data_dir, slots=2)
    with unit.transition():
        waiting = threading.Thread(target=other.stop)
        waiting.start()
        started = unit.start()
        waiting.join(0.5)
        assert waiting.is_alive()
        assert unit.is_alive()
    waiting.join(30)
    assert not unit.is_alive()
    assert other.was_ended(started.incarnation)


@pytest.mark.parametrize("name", ["data:1", "data,1", "data\\1"])
def test_a_folder_whose_path_flink_would_split_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(
        ValueError, match=r"^Flink cannot use a folder with '.+' in its path: .*; name another one$"
    ):
        cluster.check_path(tmp_path / name / "below")
    (tmp_path / name).mkdir()
    (tmp_path / "link").symlink_to(tmp_path / name)
    with pytest.raises(ValueError, match="cannot use a folder"):
        cluster.check_path(tmp_path / "link")


def test_any_other_folder_is_taken(tmp_path: Path) -> None:
    cluster.check_path(tmp_path / "für Ann; $HOME* 100% #1 ${x} [a]|'b'")


def connect(
    unit: LocalCluster, buckets: Buckets, output: Path, resume_from: str | None
) -> tuple[FlinkEngine, Case]:
    engine = Engines(buckets, now_ms).at(unit.start().rest_url)
    wait_until_ready(engine)
    return engine, Case(FlinkWorld(engine, buckets, output / "out"), 1, Kind.NUMBERS, resume_from)
