"""The alarm of a job that dies on real Flink, sent by the running service."""

from collections.abc import Iterator

import pytest

from penstock.client import Client
from tests import receivers
from tests.real.conftest import Served, penstock, wait_for
from tests.real.test_job_config import delete_all
from tests.real.test_statuses import FAILING, started, until
from tests.receivers import Hook

pytestmark = pytest.mark.flink
covers = pytest.mark.covers


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client("keys", "create", "--project", "alarms", "--user", "jo") as client:
        yield client
        delete_all(client)


@pytest.fixture
def hook(served: Served) -> Iterator[Hook]:
    """A web hook that the topic `oncall` leads to."""
    with receivers.web_hook() as hook:
        assert topics(served, "add", "oncall", hook.target).startswith("added topic oncall")
        yield hook
        topics(served, "remove", "oncall")


def topics(served: Served, *words: str) -> str:
    done = penstock("topics", *words, "--data-dir", str(served.data_dir))
    assert done.returncode == 0, done.stderr
    return done.stdout


@covers("D5")
@covers("E6")
def test_a_job_that_dies_sends_one_alarm_and_one_that_is_stopped_none(client: Client, hook: Hook) -> None:
    topic = "urn:smn:eu-west-101:0123456789:oncall"
    stopped = started(client, "stopped", FAILING.replace("40", "100000"), smn_topic="oncall")
    client.stop_jobs([stopped])
    until(client, stopped, "job_cancel_success")
    failed = started(client, "alarming", FAILING, smn_topic=topic)
    until(client, failed, "job_running_exception")
    wait_for(lambda: "alarm sent to topic 'oncall'" in remarks(client, failed), "the alarm")
    (message,) = hook.messages
    assert message["title"] == f"Penstock job {failed} (alarming): job_running_exception"
    assert "reason: ArithmeticException: / by zero\n" in message["message"]
    assert client.show_job(failed)["job_config"]["smn_topic"] == topic


def remarks(client: Client, job_id: int) -> list[str]:
    return [event["reason"] for event in client.list_job_events(job_id) if event["kind"] == "remark"]
