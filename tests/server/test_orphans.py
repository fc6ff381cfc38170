"""Flink jobs that no row explains: seen, stopped and adopted over HTTP."""

import uuid
from typing import Any

import httpx
import pytest

from penstock.domain.engine import Stranger
from penstock.domain.job import Goal, Run, Status
from penstock.domain.orphan import NO_SCRIPT
from penstock.store import orphans, queues
from tests.serving import Service


def stray_in(service: Service, name: str = "by hand", queue: str = "default") -> str:
    """Put an orphan on record, as the controller of the queue does, and give its Flink id."""
    stray = Stranger(uuid.uuid4().hex, name, "RUNNING", 1000, "unit-1")
    with service.database.write() as tx:
        found = queues.find(tx, service.key.project_id, queue)
        orphans.put(tx, found, [stray], now=2000)
    return stray.id


def call(service: Service, method: str, tail: str, body: object = None) -> httpx.Response:
    return service.http.request(method, f"/penstock/v1/{service.key.project_id}/orphans{tail}", json=body)


def listed(service: Service) -> list[dict[str, Any]]:
    return list(call(service, "GET", "").json()["orphans"])


def refusal(answer: httpx.Response) -> tuple[int, str, str]:
    return answer.status_code, answer.json()["error_code"], answer.json()["error_msg"]


def history(service: Service, job_id: int) -> list[dict[str, Any]]:
    answer = service.http.get(f"/penstock/v1/{service.key.project_id}/jobs/{job_id}/events")
    return list(answer.json()["events"])


def test_orphans_are_listed(service: Service) -> None:
    assert call(service, "GET", "").json() == {"is_success": "true", "message": "", "orphans": []}
    flink_id = stray_in(service)
    assert listed(service) == [
        {
            "flink_job_id": flink_id,
            "name": "by hand",
            "state": "RUNNING",
            "queue_name": "default",
            "start_time": 1000,
            "first_seen_time": 2000,
            "is_stopping": False,
        }
    ]


def test_a_stop_is_noted_and_wakes_the_controller(service: Service) -> None:
    flink_id = stray_in(service)
    answer = call(service, "POST", f"/{flink_id}/stop")
    assert (answer.status_code, answer.json()["message"]) == (200, "Stop request accepted.")
    assert (listed(service)[0]["is_stopping"], service.woken) == (True, [1])
    adoption = refusal(call(service, "POST", f"/{flink_id}/adopt"))
    assert adoption == (400, "DLI.0007", f"Flink job {flink_id} is being stopped")


def test_an_adopted_one_is_the_run_of_a_new_job_named_like_it(service: Service) -> None:
    flink_id = stray_in(service, name="hourly\ncounts")
    answer = call(service, "POST", f"/{flink_id}/adopt")
    job = service.stored(answer.json()["job_id"])
    assert (job.name, job.queue, job.user_name) == ("hourly counts", "default", "maria")
    assert (job.status, job.goal, job.started_at) == (Status.RUNNING, Goal.RUN, 1000)
    assert job.run is not None
    assert (job.run.id, job.run.cluster, job.run.seen, job.run.ran) == (flink_id, "unit-1", True, True)
    assert (job.config.restart_on_failure, listed(service), service.woken) == (False, [], [1])
    told = history(service, job.id)
    assert [each["kind"] for each in told] == ["created", "adopted", "remark"]
    assert (told[2]["reason"], told[2]["actor"], told[1]["user_name"]) == (NO_SCRIPT, "controller", "maria")


def test_the_new_job_can_be_named_otherwise(service: Service) -> None:
    service.create(name="by hand")
    flink_id = stray_in(service)
    taken = refusal(call(service, "POST", f"/{flink_id}/adopt"))
    assert taken == (400, "DLI.0006", "a job named 'by hand' exists already")
    answer = call(service, "POST", f"/{flink_id}/adopt", {"name": "by hand, adopted"})
    assert service.show(answer.json()["job_id"])["name"] == "by hand, adopted"


def test_a_job_at_rest_can_be_given_it(service: Service) -> None:
    job_id, flink_id = service.create(sql_body="SELECT 1"), stray_in(service)
    answer = call(service, "POST", f"/{flink_id}/adopt", {"job_id": job_id})
    assert answer.json() == {"is_success": "true", "message": "Flink job adopted.", "job_id": job_id}
    assert service.show(job_id)["status"] == "job_running"
    assert [each["kind"] for each in history(service, job_id)] == ["created", "adopted"]


def test_it_is_adopted_once(service: Service) -> None:
    flink_id = stray_in(service)
    assert call(service, "POST", f"/{flink_id}/adopt").status_code == 200
    again = refusal(call(service, "POST", f"/{flink_id}/adopt", {"name": "another"}))
    assert again[:2] == (400, "DLI.0002")
    assert service.names() == ["by hand"]


@pytest.mark.parametrize(
    ("fields", "becomes", "code", "message"),
    [
        ({"queue_name": "stream_a"}, {}, "DLI.0007", "is on queue stream_a, and Flink job"),
        ({}, {"status": Status.RUNNING}, "DLI.0007", "is job_running; only a job at rest"),
    ],
)
def test_a_job_that_cannot_be_given_it_leaves_it_an_orphan(
    service: Service, fields: dict[str, object], becomes: dict[str, object], code: str, message: str
) -> None:
    job_id, flink_id = service.create(**fields), stray_in(service)
    service.becomes(job_id, run=Run(uuid.uuid4().hex, 1), **becomes)
    answer = refusal(call(service, "POST", f"/{flink_id}/adopt", {"job_id": job_id}))
    assert answer[:2] == (400, code)
    assert message in answer[2]
    assert [each["flink_job_id"] for each in listed(service)] == [flink_id]


@pytest.mark.parametrize(("verb", "body"), [("stop", None), ("adopt", None), ("adopt", {"job_id": 99})])
def test_one_that_is_not_there_is_refused(service: Service, verb: str, body: object) -> None:
    answer = refusal(call(service, "POST", f"/{'f' * 32}/{verb}", body))
    assert answer == (400, "DLI.0002", f"Flink job {'f' * 32} is not among the orphans that this project sees")


@pytest.mark.parametrize(
    ("body", "code"), [({"job_id": 99}, "DLI.16001"), ({"job_id": "x"}, "DLI.0001"), ({"name": ""}, "DLI.0001")]
)
def test_a_wrong_adopter_is_refused(service: Service, body: object, code: str) -> None:
    assert refusal(call(service, "POST", f"/{stray_in(service)}/adopt", body))[:2] == (400, code)
    assert len(listed(service)) == 1


def test_it_is_for_members_of_the_project_only(service: Service) -> None:
    path = f"/penstock/v1/{service.key.project_id}/orphans"
    assert refusal(service.anonymous.get(path))[:2] == (401, "APIGW.0301")
    with service.client(service.new_key("other", "eve")) as eve:
        assert refusal(eve.get(path))[:2] == (403, "APIGW.0302")
