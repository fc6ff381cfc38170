"""Two services on one PostgreSQL and one data directory: whichever dies, the other keeps the jobs."""

import time
from collections.abc import Iterator

import httpx
import pytest
import sqlalchemy
from sqlalchemy import select

from penstock.controller.leases import LEASE_MS
from penstock.flink import cluster
from penstock.store.schema import QUEUES
from tests import postgres
from tests.real.conftest import Served, wait_for

pytestmark = [pytest.mark.flink, pytest.mark.timeout(400)]

SQL = """
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10');
CREATE TABLE sums (parity BIGINT, total BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sums SELECT MOD(n, 2), SUM(n) FROM numbers GROUP BY MOD(n, 2);
"""


@pytest.fixture
def url() -> str:
    return postgres.server().new_database()


@pytest.fixture
def services(url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Served]]:
    data_dir = tmp_path_factory.mktemp("shared")
    pair = [Served(data_dir, log_name=f"{name}.log") for name in ("first", "second")]
    try:
        for each in pair:
            each.start("--database-url", url)
            each.wait_until_ready()
        yield pair
    finally:
        pair[0].stop("--engines")  # both services end
        for each in pair:
            assert each.process is not None
            each.process.wait(30)
        assert cluster.stop_all(data_dir) == 0


def test_the_queue_goes_to_the_other_service_when_its_keeper_is_killed(services: list[Served], url: str) -> None:
    first, second = services
    with second.client("env", "--database-url", url) as client:
        job = client.create_sql_job(name="kept", sql_body=SQL, checkpoint_enabled=True, checkpoint_interval=1)
        client.run_jobs([job])  # asked of the one that does not keep the queue
        wait_for(lambda: client.show_job(job)["status"] == "job_running", "the job")
        before = _alive(second, "kept")
        keeper = _keeper(url)
        assert first.process is not None
        first.process.kill()
        first.process.wait()
        killed_at = time.monotonic()
        wait_for(lambda: _keeper(url) != keeper, "the lease to move", LEASE_MS / 1000 + 10)
        print(f"the lease has moved after {time.monotonic() - killed_at:.1f} s")
        client.stop_jobs([job], trigger_savepoint=True)
        wait_for(lambda: client.show_job(job)["status"] == "job_cancel_success", "the stop")
        assert client.show_job(job)["has_savepoint"]
        client.run_jobs([job], resume_savepoint=True)
        wait_for(lambda: client.show_job(job)["status"] == "job_running", "the job again")
        assert client.show_job(job)["restart_times"] == 0
        assert len(before) == 1, "it ran once"
        assert len(_alive(second, "kept")) == 1, "and does again"


def _keeper(url: str) -> str | None:
    """Name the process that keeps the default queue."""
    engine = sqlalchemy.create_engine(url)
    with engine.connect() as tx:
        holder: str | None = tx.execute(select(QUEUES.c.holder)).scalar()
    engine.dispose()
    return holder


def _alive(service: Served, name: str) -> list[str]:
    rows = httpx.get(f"{service.flink_url}/jobs/overview", trust_env=False).json()["jobs"]
    return [row["jid"] for row in rows if row["name"] == name and row["state"] == "RUNNING"]
