"""`penstock orphans`: list, stop, adopt."""

import json

from tests.cli.conftest import Command
from tests.server.test_orphans import stray_in
from tests.serving import Service


def test_orphans_are_listed_stopped_and_then_shown_as_such(service: Service, penstock: Command) -> None:
    flink_id = stray_in(service)
    row = penstock("orphans", "list").stdout.splitlines()[1]
    assert row.split() == [flink_id, "by", "hand", "RUNNING", "default", "1970-01-01", "00:00:01"]
    assert penstock("orphans", "stop", flink_id).stdout == f"Flink job {flink_id} is being stopped\n"
    assert penstock("orphans", "list").stdout.rstrip().endswith("is being stopped")
    assert json.loads(penstock("orphans", "list", "--json").stdout)[0]["is_stopping"] is True


def test_one_is_adopted_by_a_new_job_or_by_one_that_is_named(service: Service, penstock: Command) -> None:
    first, job_id = stray_in(service), service.create()
    done = penstock("orphans", "adopt", first, "--job", str(job_id))
    assert done.stdout == f"Flink job {first} is the run of job {job_id} now\n"
    second = stray_in(service)
    penstock("orphans", "adopt", second, "--name", "found")
    assert service.names(status="job_running", order="desc")[0] == "found"
    assert penstock("orphans", "list", "--json").stdout == "[]\n"


def test_a_refusal_is_one_line_and_a_failure(penstock: Command) -> None:
    done = penstock("orphans", "stop", "f")
    assert done.exit_code == 1
    assert done.stderr == "penstock: Flink job f is not among the orphans that this project sees (DLI.0002)\n"
