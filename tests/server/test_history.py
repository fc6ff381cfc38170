"""What has happened to jobs, asked for over HTTP."""

import uuid
from typing import Any

import httpx
import pytest

from penstock.domain.job import Goal, Run, Status
from tests.serving import Service


def get(service: Service, tail: str, **query: object) -> httpx.Response:
    return service.http.get(f"/penstock/v1/{service.key.project_id}{tail}", params=query or None)


def events(service: Service, tail: str, **query: object) -> list[dict[str, Any]]:
    answer = get(service, tail, **query)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["events"])


def kinds(told: list[dict[str, Any]]) -> list[str]:
    return [each["kind"] for each in told]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error_code"]


def ended(service: Service) -> int:
    """A job that ran and has failed, and the id of its run."""
    job_id = service.create()
    service.call("POST", "/jobs/run", {"job_ids": [job_id]})
    run = Run(uuid.uuid4().hex, 1, resume_from="obs://b/chk-3/", attempts=2, ran=True)
    service.becomes(job_id, status=Status.RUNNING, run=run, started_at=1000)
    service.becomes(job_id, status=Status.EXCEPTION, goal=Goal.REST, run=None, ended_at=5000, reason="/ by zero")
    return job_id


def test_a_jobs_history_says_what_happened_when_and_by_whom(service: Service) -> None:
    job_id = service.create(name="clicks")
    service.call("PUT", f"/sql-jobs/{job_id}", {"desc": "of the shop", "sql_body": "x", "parallel_number": 2})
    told = events(service, f"/jobs/{job_id}/events")
    assert kinds(told) == ["created", "updated"]
    assert told[1].pop("event_id") > told[0].pop("event_id")
    assert 0 < told[0].pop("time") <= told[1].pop("time")
    assert told[1] == {
        "job_id": job_id,
        "kind": "updated",
        "actor": "caller",
        "user_name": "maria",
        "status": "job_init",
        "run_id": None,
        "reason": "",
        "details": {"settings": ["desc", "parallel_number", "sql_body"]},
    }


def test_the_last_exit_is_explained(service: Service) -> None:
    job_id = ended(service)
    told = get(service, f"/jobs/{job_id}/exit").json()["exit"]
    assert (told["kind"], told["status"], told["reason"]) == ("ended", "job_running_exception", "/ by zero")
    assert told["details"] == {
        "attempt": 2,
        "restored_from": "obs://b/chk-3/",
        "started_at": 1000,
        "ended_at": 5000,
        "duration": 4000,
        "restarts": 0,
    }


def test_a_job_that_never_ended_has_no_exit(service: Service) -> None:
    assert get(service, f"/jobs/{service.create()}/exit").json() == {
        "is_success": "true",
        "message": "",
        "exit": None,
    }


def test_the_project_has_a_history_too_with_deleted_jobs_in_it(service: Service) -> None:
    first, second = ended(service), service.create()
    service.call("DELETE", f"/jobs/{first}")
    assert kinds(events(service, "/events", job_id=first))[-2:] == ["ended", "delete_requested"]
    assert [each["job_id"] for each in events(service, "/events", kind="created")] == [first, second]
    assert events(service, f"/jobs/{first}/events") == events(service, "/events", job_id=first)


def test_pages_follow_each_other(service: Service) -> None:
    job_id = ended(service)
    whole = events(service, f"/jobs/{job_id}/events")
    assert events(service, f"/jobs/{job_id}/events", after=0, limit=2) == whole[:2]
    assert events(service, f"/jobs/{job_id}/events", after=whole[1]["event_id"]) == whole[2:]
    assert events(service, f"/jobs/{job_id}/events", limit=1) == whole[-1:]


@pytest.mark.parametrize(
    ("tail", "query", "code"),
    [
        ("/events", {"kind": "milk"}, "DLI.0001"),
        ("/events", {"after": -1}, "DLI.0001"),
        ("/events", {"limit": 1001}, "DLI.0001"),
        ("/events", {"job_id": "x"}, "DLI.0001"),
        ("/events", {"job_id": 99}, "DLI.16001"),
        ("/jobs/99/events", {}, "DLI.16001"),
        ("/jobs/99/exit", {}, "DLI.16001"),
        ("/jobs/x/exit", {}, "DLI.0001"),
    ],
)
def test_a_bad_question_is_refused(service: Service, tail: str, query: dict[str, object], code: str) -> None:
    assert refusal(get(service, tail, **query)) == (400, code)


def test_it_is_for_members_of_the_project_only(service: Service) -> None:
    path = f"/penstock/v1/{service.key.project_id}/events"
    assert refusal(service.anonymous.get(path)) == (401, "APIGW.0301")
    with service.client(service.new_key("other", "eve")) as eve:
        assert refusal(eve.get(path)) == (403, "APIGW.0302")


def test_another_projects_job_has_no_history_here(service: Service) -> None:
    job_id, other = service.create(), service.new_key("other", "eve")
    with service.client(other) as eve:
        answer = eve.get(f"/penstock/v1/{other.project_id}/jobs/{job_id}/events")
    assert refusal(answer) == (400, "DLI.16001")
