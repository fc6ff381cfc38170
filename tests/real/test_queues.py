"""Queues on real Flink: what fits runs, what does not waits, and a deleted queue takes its cluster along."""

from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from penstock.client import ApiError, Client
from penstock.flink import processes
from tests.real.conftest import Served, wait_for
from tests.real.test_statuses import ENDLESS

pytestmark = pytest.mark.flink
covers = pytest.mark.covers


@pytest.fixture
def client(served: Served) -> Iterator[Client]:
    with served.client("keys", "create", "--project", "queues", "--user", "jo") as client:
        yield client
        left = [job["job_id"] for job in client.list_jobs(limit=100)["jobs"]]
        if left:
            client.delete_jobs(left)
        for queue in client.list_queues():
            if queue["queue_name"] != "default":
                wait_for(partial(deleted, client, queue["queue_name"]), "the queue to be empty")


def deleted(client: Client, name: str) -> bool:
    try:
        client.delete_queue(name)
    except ApiError as error:
        if error.error_code != "DLI.0007":
            raise
        return False
    return True


def made(client: Client, name: str, **fields: object) -> int:
    return client.create_sql_job(name=name, sql_body=ENDLESS, **fields)


def becomes(client: Client, job_id: int, status: str, reason: str = "") -> dict[str, Any]:
    """Wait until the job has the status, and says this of it."""
    job: dict[str, Any] = {}

    def has_become() -> bool:
        job.update(client.show_job(job_id))
        return job["status"] == status and reason in job["status_desc"]

    wait_for(has_become, f"{status} of job {job_id}: {reason}")
    return job


def cluster_of(served: Served, client: Client, name: str) -> tuple[str, str]:
    """Give the marks of the processes that the queue's cluster consists of."""
    engine = f"queue-{client.show_queue(name)['queue_id']}"
    return processes.data_dir_mark(served.data_dir), f"-Dpenstock.engine={engine}"


@covers("C23")
@covers("E10")
def test_jobs_run_on_their_queue_in_the_order_of_their_coming(served: Served, client: Client) -> None:
    client.create_queue("small", 5, penstock={"slots": 2})
    first, second, third = (made(client, f"j{cus}", queue_name="small", cu_number=cus) for cus in (4, 3, 2))
    too_large = made(client, "large", queue_name="small", cu_number=6)
    client.run_jobs([first, second, third, too_large])
    told = "needs 6 CUs and 1 slots; queue 'small' has 5 and 2 in all"
    assert becomes(client, too_large, "job_submit_fail")["status_desc"] == told
    becomes(client, first, "job_running")
    for waiting, cus in ((second, 3), (third, 2)):
        reason = f"waiting for room on queue 'small': needs {cus} CUs and 1 slots, free are 1 and 1"
        becomes(client, waiting, "job_submitting", reason)
    queue = client.show_queue("small")
    assert (queue["used_cu"], queue["penstock"]["ready"]) == (4.0, True)

    client.stop_jobs([first])
    becomes(client, second, "job_running")
    becomes(client, third, "job_running")

    with pytest.raises(ApiError, match=f"queue 'small' has active jobs, {second}, {third}: stop them first"):
        client.delete_queue("small")
    client.stop_jobs([second, third])
    cluster = cluster_of(served, client, "small")
    assert len(processes.find(cluster)) == 2
    wait_for(partial(deleted, client, "small"), "the jobs to end")
    wait_for(lambda: not processes.find(cluster), "the cluster to end")
    with pytest.raises(ApiError, match=r"DLI\.13024"):
        client.run_jobs([first])


def test_slots_that_others_hold_on_an_external_cluster_are_waited_for(served: Served, client: Client) -> None:
    client.create_queue("borrowed", 100, penstock={"rest_url": served.flink_url})
    others = made(client, "others", parallel_number=6)
    client.run_jobs([others])
    becomes(client, others, "job_running")
    wait_for(lambda: client.show_queue("borrowed")["penstock"]["ready"], "the queue to be ready")
    ours = made(client, "ours", queue_name="borrowed", parallel_number=4)
    client.run_jobs([ours])
    reason = "waiting for room on queue 'borrowed': needs 2 CUs and 4 slots, free are 100 and 2"
    becomes(client, ours, "job_submitting", reason)
    client.stop_jobs([others])
    becomes(client, ours, "job_running")
    client.stop_jobs([ours])
    becomes(client, ours, "job_cancel_success")
