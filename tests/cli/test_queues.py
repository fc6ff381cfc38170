"""`penstock queues`, against a service."""

import json
import re
from typing import Any

import pytest
from typer.testing import CliRunner

from penstock.cli.main import app
from penstock.domain.job import Goal, Run, Status
from penstock.domain.queue import Holder
from penstock.store import queues
from tests.cli.conftest import Command
from tests.serving import Service


def shown(penstock: Command, name: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(penstock("queues", "show", name, "--json").output)
    return answer


@pytest.mark.parametrize(
    ("options", "own"),
    [
        ([], {"isolation": "session", "slots": 8, "rest_url": None}),
        (["--slots", "3"], {"isolation": "session", "slots": 3, "rest_url": None}),
        (["--isolation", "job"], {"isolation": "job", "slots": 0, "rest_url": None}),
        (
            ["--rest-url", "http://flink:8081"],
            {"isolation": "session", "slots": 0, "rest_url": "http://flink:8081"},
        ),
    ],
)
def test_a_queue_is_created_as_its_options_say(
    penstock: Command, options: list[str], own: dict[str, object]
) -> None:
    done = penstock("queues", "create", "Stream_B", "--cus", "8", "--description", "ours", *options)
    assert (done.exit_code, done.output) == (0, "created queue stream_b\n")
    queue = shown(penstock, "stream_b")
    assert (queue["cu_count"], queue["description"]) == (8, "ours")
    assert queue["penstock"] | own == queue["penstock"]


def test_a_list_says_how_large_where_and_how_ready_each_queue_is(service: Service, penstock: Command) -> None:
    penstock("queues", "create", "far", "--cus", "8", "--rest-url", "http://flink:8081")
    penstock("queues", "create", "near", "--cus", "16", "--slots", "4")
    with service.database.write() as tx:
        near = queues.find(tx, service.key.project_id, "near")
        queues.take_lease(tx, near.id, Holder("one", "host-1:/data"), 1, service.clock() + 60_000)
        queues.tell_readiness(tx, near.id, None)
    job_id = service.create(queue_name="near", cu_number=5)
    service.becomes(job_id, goal=Goal.RUN, status=Status.RUNNING, run=Run("0" * 32, submit_at=0))
    head, *rows = [re.split(" {2,}", line.strip()) for line in penstock("queues", "list").output.splitlines()]
    assert head == ["name", "cus", "used", "slots", "isolation", "where", "ready"]
    assert rows[0][:2] == ["default", "16"]
    assert rows[1] == ["far", "8", "0", "session", "http://flink:8081", "no service has taken it up yet"]
    assert rows[2] == ["near", "16", "5", "4", "session", "host-1", "yes"]
    listed = json.loads(penstock("queues", "list", "--json").output)
    assert [queue["queue_name"] for queue in listed] == ["default", "far", "near", "stream_a"]


def test_a_queue_is_shown_field_by_field(penstock: Command) -> None:
    penstock("queues", "create", "near", "--cus", "16")
    lines = penstock("queues", "show", "near").output.splitlines()
    rows = dict(re.split(" {2,}", line.strip()) for line in lines)
    assert (rows["queue_name"], rows["cu_count"], rows["isolation"]) == ("near", "16", "session")


def test_a_queue_is_resized_up_and_down(penstock: Command) -> None:
    penstock("queues", "create", "near", "--cus", "16")
    for cus in ("40", "40", "7"):
        assert penstock("queues", "resize", "near", "--cus", cus).output == f"queue near has {cus} CUs\n"
        assert shown(penstock, "near")["cu_count"] == int(cus)


def test_a_deleted_queue_is_gone(penstock: Command) -> None:
    penstock("queues", "create", "near", "--cus", "16")
    assert penstock("queues", "delete", "near").output == "deleted queue near\n"
    gone = penstock("queues", "show", "near")
    assert (gone.exit_code, gone.stderr) == (1, "penstock: queue 'near' does not exist (DLI.0002)\n")


def test_a_queue_is_released_only_by_who_says_that_its_host_is_lost(service: Service, penstock: Command) -> None:
    penstock("queues", "create", "near", "--cus", "16")
    with service.database.write() as tx:
        near = queues.find(tx, service.key.project_id, "near")
        queues.take_lease(tx, near.id, Holder("one", "lost:/data"), now=1, until=2)
    unsure = penstock("queues", "release", "near")
    assert unsure.exit_code == 1
    assert "run twice and write twice" in unsure.stderr
    assert shown(penstock, "near")["penstock"]["where"] == "lost"
    sure = penstock("queues", "release", "near", "--host-is-lost")
    assert (sure.exit_code, sure.output) == (
        0,
        "released queue near: the next service that finds it free keeps it\n",
    )
    assert shown(penstock, "near")["penstock"]["where"] is None


def test_jobs_are_forgotten_only_by_who_says_that_their_cluster_is_lost(penstock: Command) -> None:
    penstock("queues", "create", "far", "--cus", "16", "--rest-url", "http://flink:8081")
    unsure = penstock("queues", "forget", "far")
    assert unsure.exit_code == 1
    assert "is not stopped" in unsure.stderr
    sure = penstock("queues", "forget", "far", "--cluster-is-lost")
    assert (sure.exit_code, sure.output) == (0, "Jobs that were forgotten: 0.\n")


def test_a_refusal_of_the_service_is_told_without_what_it_must_not_hold(penstock: Command) -> None:
    refused = penstock("queues", "create", "near", "--cus", "16", "--rest-url", "http://u:hunter2@flink")
    assert refused.exit_code == 1
    assert refused.stderr == "penstock: penstock.rest_url must not hold a user or password (DLI.0001)\n"


def test_a_command_without_its_environment_says_how_to_set_it() -> None:
    done = CliRunner().invoke(app, ["queues", "list"], env={"PENSTOCK_ENDPOINT": None})
    assert done.exit_code == 1
    assert 'eval "$(penstock env)"' in done.stderr
