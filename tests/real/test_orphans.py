"""Jobs that somebody submits to Flink behind the service's back."""

import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from penstock.client import Client
from penstock.domain.engine import Submit
from penstock.domain.job import JobConfig, Run
from penstock.flink.buckets import Buckets
from penstock.flink.engine import Engines
from tests.conftest import now_ms
from tests.domain.cases import job
from tests.real.conftest import Served, wait_for
from tests.real.test_job_config import delete_all
from tests.real.test_statuses import ENDLESS, in_flink, until

pytestmark = pytest.mark.flink


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client("keys", "create", "--project", "orphans", "--user", "jo") as client:
        yield client
        delete_all(client)


def submitted(served: Served, client: Client, name: str) -> str:
    """Start a job in Flink that the service knows nothing of, wait until it is seen, and give its Flink id."""
    engine = Engines(Buckets(served.data_dir / "buckets"), now_ms).at(served.flink_url)
    run = Run(uuid.uuid4().hex, now_ms())
    try:
        engine.perform(Submit(replace(job(name=name, sql=ENDLESS, config=JobConfig()), run=run)))
    finally:
        engine.close()

    def is_seen() -> bool:
        return (run.id, "RUNNING") in [(each["flink_job_id"], each["state"]) for each in client.list_orphans()]

    wait_for(is_seen, "the orphan to be seen running")
    return run.id


def state_in_flink(served: Served, flink_id: str) -> str:
    [state] = [each["state"] for each in in_flink(served) if each["jid"] == flink_id]
    return str(state)


def test_one_is_shown_adopted_and_stopped_with_a_savepoint(served: Served, client: Client) -> None:
    flink_id = submitted(served, client, "by hand")
    job_id = client.adopt_orphan(flink_id)
    assert flink_id not in [each["flink_job_id"] for each in client.list_orphans()]
    running = until(client, job_id, "job_running")
    assert (running["name"], running["restart_times"], running["status_desc"]) == ("by hand", 0, "")
    assert running["start_time"] < running["create_time"]
    client.stop_jobs([job_id], trigger_savepoint=True)
    stopped = until(client, job_id, "job_cancel_success")
    assert stopped["has_savepoint"]
    assert state_in_flink(served, flink_id) == "FINISHED"
    kinds = [event["kind"] for event in client.list_job_events(job_id)]
    assert kinds == ["created", "adopted", "remark", "stop_requested", "savepoint_written", "ended"]
    told = client.show_exit(job_id)
    assert told is not None
    assert (told["run_id"], told["details"]["duration"]) == (flink_id, stopped["duration"])


def test_one_whose_stop_is_asked_for_ends_in_flink_and_is_listed_no_more(served: Served, client: Client) -> None:
    flink_id = submitted(served, client, "unwanted")
    client.stop_orphan(flink_id)
    wait_for(lambda: flink_id not in [each["flink_job_id"] for each in client.list_orphans()], "the end of it")
    assert state_in_flink(served, flink_id) == "CANCELED"
