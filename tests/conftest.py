"""One real Flink for the whole suite, installed into the user's cache as the service does it, and the parts."""

import contextlib
import itertools
import time
from collections.abc import Iterator

import platformdirs
import pytest

from penstock.domain import lines
from penstock.flink import distribution
from penstock.flink.buckets import Buckets
from penstock.flink.cluster import LocalCluster, Unit
from penstock.flink.distribution import FlinkHome
from penstock.flink.engine import Engines, FlinkEngine
from tests import postgres
from tests.parts import artifacts, kafka, s3

pytest.register_assert_rewrite("tests.engine_contract")

SLOTS = 12
_job_ids = itertools.count(1)


@pytest.fixture
def job_id() -> int:
    """The id of a job that no other test has."""
    return next(_job_ids)


@pytest.fixture(scope="session")
def engine_home() -> FlinkHome:
    return installed("2.3")


@pytest.fixture(scope="session")
def older_home() -> FlinkHome:
    return installed("1.20")


def installed(line: str) -> FlinkHome:
    return distribution.install(lines.RELEASES[line], platformdirs.user_cache_path("penstock"), lambda *_: None)


@pytest.fixture(scope="session")
def flink_cluster(engine_home: FlinkHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalCluster]:
    """A running cluster; its data directory has a blank and an umlaut in its name."""
    cluster = LocalCluster(engine_home, tmp_path_factory.mktemp("data für Flink"), slots=SLOTS)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def buckets(tmp_path_factory: pytest.TempPathFactory) -> Buckets:
    return Buckets(tmp_path_factory.mktemp("buckets of Flink"))


@pytest.fixture(scope="session")
def flink_engine(flink_cluster: LocalCluster, buckets: Buckets) -> Iterator[FlinkEngine]:
    """The engine of the cluster, once it can run jobs."""
    unit = flink_cluster.unit
    assert unit is not None
    engine = Engines(buckets, now_ms).at(unit.rest_url)
    wait_until_ready(engine)
    yield engine
    engine.close()


@pytest.fixture(scope="session")
def flink_url(flink_cluster: LocalCluster, flink_engine: FlinkEngine) -> str:
    """The address of Flink's REST API, once it can run jobs."""
    unit = flink_cluster.unit
    assert isinstance(unit, Unit)
    return unit.rest_url


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kafka.Broker]:
    """A broker; a test makes topics of its own."""
    with skipping_what_cannot_be_fetched():
        broker = kafka.Broker(tmp_path_factory.mktemp("kafka"))
    yield broker
    broker.stop()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[s3.S3Server]:
    """An S3-compatible server; a test makes buckets of its own."""
    with skipping_what_cannot_be_fetched():
        server = s3.S3Server(tmp_path_factory.mktemp("s3"))
    yield server
    server.stop()


@pytest.fixture
def postgres_server() -> postgres.Database:
    """An empty database, as JDBC reaches it."""
    return postgres.server().new_reachable_database()


@contextlib.contextmanager
def skipping_what_cannot_be_fetched() -> Iterator[None]:
    try:
        yield
    except artifacts.Unreachable as reason:
        pytest.skip(str(reason))


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def wait_until_ready(engine: FlinkEngine, patience_s: float = 90.0) -> None:
    deadline = time.monotonic() + patience_s
    while (reason := engine.readiness()) is not None:
        assert time.monotonic() < deadline, reason
        time.sleep(0.1)
