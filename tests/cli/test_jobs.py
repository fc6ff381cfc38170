"""`penstock jobs`: what is shown to people, and to programs."""

import json

from penstock.domain.job import Goal, Run, Status
from tests.cli.conftest import Command
from tests.serving import Service


def failed(service: Service) -> int:
    job_id = service.create(name="clicks [red]", parallel_number=2)
    run = Run("c0ffee" * 5, 1, attempts=1, resume_from="obs://b/chk-3/")
    service.becomes(job_id, goal=Goal.RUN, status=Status.RUNNING, run=run, started_at=1_700_000_000_000)
    service.becomes(job_id, goal=Goal.REST, status=Status.EXCEPTION, run=None, reason="/ by zero [red]")
    return job_id


def lines(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_a_list_is_a_table_with_texts_as_they_are(service: Service, penstock: Command) -> None:
    job_id = failed(service)
    head, row = lines(penstock("jobs", "list").stdout)
    assert head == ["id", "name", "status", "queue", "started", "(UTC)", "restarts", "why"]
    expected = f"{job_id} clicks [red] job_running_exception default 2023-11-14 22:13:20 0 / by zero [red]"
    assert row == expected.split()


def test_a_list_can_be_narrowed_and_read_by_programs(service: Service, penstock: Command) -> None:
    failed(service)
    service.create(name="other")
    assert json.loads(penstock("jobs", "list", "--status", "job_running", "--json").stdout) == []
    [listed] = json.loads(penstock("jobs", "list", "--name", "oth", "--limit", "5", "--json").stdout)
    assert (listed["name"], listed["status"]) == ("other", "job_init")


def test_a_job_is_shown_with_its_last_exit(service: Service, penstock: Command) -> None:
    job_id = str(failed(service))
    shown = penstock("jobs", "show", job_id).stdout
    assert ["parallel_number", "2"] in lines(shown)
    assert "/ by zero [red]; attempt=1 restored_from=obs://b/chk-3/" in shown
    told = json.loads(penstock("jobs", "show", job_id, "--json").stdout)
    assert (told["last_exit"]["reason"], told["job_config"]["parallel_number"]) == ("/ by zero [red]", 2)


def test_history_tells_each_event_in_a_line(service: Service, penstock: Command) -> None:
    job_id = str(failed(service))
    service.call("PUT", f"/sql-jobs/{job_id}", {"desc": "x", "sql_body": "y"})
    told = penstock("jobs", "history", job_id).stdout.splitlines()
    assert [line.split()[3] for line in told[1:]] == ["created", "submitted", "ended", "updated"]
    assert "controller" in told[3]
    assert "job_running_exception  c0ffeec0" in told[3]
    assert "started_at=2023-11-14T22:13:20" in told[3]
    assert told[4].split()[4:] == ["maria", "job_running_exception", "settings=desc,sql_body"]
    [last] = json.loads(penstock("jobs", "history", job_id, "--limit", "1", "--json").stdout)
    assert (last["kind"], last["details"]) == ("updated", {"settings": ["desc", "sql_body"]})


def test_the_history_of_the_whole_project_is_told_too(service: Service, penstock: Command) -> None:
    ids = [service.create(), service.create()]
    told = penstock("jobs", "history").stdout.splitlines()
    assert [line.split()[2:4] for line in told[1:]] == [[str(each), "created"] for each in ids]
    assert [each["job_id"] for each in json.loads(penstock("jobs", "history", "--json").stdout)] == ids


def test_a_refusal_is_one_line_and_a_failure(penstock: Command) -> None:
    done = penstock("jobs", "history", "99")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "penstock: job 99 does not exist, and never did in this project (DLI.16001)\n"


def test_jobs_are_exported_and_imported(service: Service, penstock: Command) -> None:
    job_id = service.create(name="clicks", sql_body="SELECT 1")
    service.create(name="visits")
    told = penstock("jobs", "export", "state/out", str(job_id)).stdout
    place = told.removeprefix("exported to ").strip()
    service.call("DELETE", f"/jobs/{job_id}")
    head, row = lines(penstock("jobs", "import", place).stdout)
    assert head == ["old", "id", "new", "id", "remark"]
    assert row == [str(job_id), str(job_id + 2), "Job", "created."]
    assert service.show(job_id + 2)["sql_body"] == "SELECT 1"
    [covered] = json.loads(penstock("jobs", "import", place, "--cover", "--json").stdout)
    assert covered == {"old_job_id": job_id, "new_job_id": job_id + 2, "remark": "Job replaced."}


def test_an_import_that_lacks_a_job_fails_and_says_why(service: Service, penstock: Command) -> None:
    service.create(name="clicks")
    place = penstock("jobs", "export", "state/out").stdout.removeprefix("exported to ").strip()
    failed = penstock("jobs", "import", place)
    assert failed.exit_code == 1
    assert "a job named 'clicks' exists already" in failed.stdout
    assert failed.stderr == "penstock: 1 of 1 jobs were not imported\n"
