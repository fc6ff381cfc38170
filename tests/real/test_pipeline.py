"""What users run: Kafka, windowed SQL with a function, PostgreSQL and a bucket, on either line."""

from collections.abc import Iterator
from typing import Any

import pytest
from huaweicloudsdkdli.v1 import model

from tests.conftest import skipping_what_cannot_be_fetched
from tests.parts.kafka import Broker
from tests.parts.s3 import S3Server
from tests.postgres import Database
from tests.real import pipeline, sdk
from tests.real.conftest import Served
from tests.real.orders import Orders
from tests.real.pipeline import BUCKET, Pipeline

pytestmark = [
    pytest.mark.flink,
    pytest.mark.connectors,
    pytest.mark.timeout(900),
    pytest.mark.filterwarnings("ignore:Method .* of DliClient is deprecated:DeprecationWarning"),
]
covers = pytest.mark.covers


@pytest.fixture(scope="module")
def connected(tmp_path_factory: pytest.TempPathFactory, s3_server: S3Server) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("pipeline")
    with skipping_what_cannot_be_fetched(), pipeline.connected_service(folder, s3_server) as service:
        yield service


@covers("E4")
@covers("E5")
@covers("E14")
@covers("E26")
@covers("E32")
@pytest.mark.parametrize(("flink_version", "orders"), [("2.3", 50_000), ("1.15", 15_000)])
def test_every_order_is_counted_once_although_the_taskmanager_is_killed_twice(
    flink_version: str,
    orders: int,
    connected: Served,
    kafka_broker: Broker,
    s3_server: S3Server,
    postgres_server: Database,
) -> None:
    client = sdk.connect(connected, f"pipelines_{orders}")
    parts = (kafka_broker, s3_server, postgres_server)
    outcome = Pipeline(connected, client, *parts).run(Orders(orders), flink_version)
    assert (outcome.job.status, outcome.job.restart_times) == ("job_running", pipeline.KILLS)
    assert outcome.written == outcome.expected
    assert outcome.stopped.has_savepoint
    assert outcome.stopped.savepoint_path.startswith(f"obs://{BUCKET}/jobs/savepoint/{outcome.job.job_id}/")
    (listed,) = client.list_flink_jobs(model.ListFlinkJobsRequest(show_detail=True)).job_list.jobs
    for job in (outcome.job, listed):
        assert settings(job) == {
            "checkpoint_enabled": True,
            "checkpoint_path": f"obs://{BUCKET}/jobs/checkpoint/{job.job_id}/",
            "log_enabled": True,
            "obs_bucket": BUCKET,
            "udf_jar_url": "functions/shout.jar",
            "flink_version": flink_version,
        }


def settings(job: Any) -> dict[str, Any]:
    names = ("checkpoint_enabled", "checkpoint_path", "log_enabled", "obs_bucket", "udf_jar_url", "flink_version")
    return {name: getattr(job.job_config, name) for name in names}
