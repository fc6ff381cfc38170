"""What users run: Kafka, windowed SQL, PostgreSQL. With a million events: `python -m tests.real.pipeline`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import skipping_what_cannot_be_fetched
from tests.parts.kafka import Broker
from tests.postgres import Database
from tests.real import pipeline
from tests.real.conftest import Served
from tests.real.pipeline import Orders, Pipeline

pytestmark = [pytest.mark.flink, pytest.mark.connectors]


@pytest.fixture
def connected(tmp_path: Path) -> Iterator[Served]:
    with skipping_what_cannot_be_fetched(), pipeline.connected_service(tmp_path) as service:
        yield service


def test_every_order_is_counted_once_although_the_taskmanager_is_killed_twice(
    kafka_broker: Broker, connected: Served, postgres_server: Database
) -> None:
    with connected.client() as client:
        outcome = Pipeline(connected, client, kafka_broker, postgres_server).run(Orders(50_000))
    assert (outcome.job["status"], outcome.job["restart_times"]) == ("job_running", pipeline.KILLS)
    assert outcome.written == outcome.expected
