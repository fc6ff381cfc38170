"""Show, run, stop, savepoint and delete: what is accepted, what is stored at once, and how a refusal looks."""

import logging
import re
import uuid
from typing import Any

import httpx
import pytest

from penstock.domain.job import Goal, Run, Savepoint, SavepointOrigin, SavepointRequest, Status
from tests.serving import Service

covers = pytest.mark.covers

DONE = {
    "run": {"is_success": "true", "message": "Run request accepted."},
    "stop": {"is_success": "true", "message": "Stop request accepted."},
    "delete": {"is_success": "true", "message": "Delete request accepted."},
}


def refused(code: str, message: str) -> dict[str, str]:
    return {"error_code": code, "error_msg": message, "is_success": "false", "message": message}


def batch(service: Service, verb: str, job_ids: list[Any], **options: object) -> tuple[int, list[dict[str, Any]]]:
    response = service.call("POST", f"/jobs/{verb}", {"job_ids": job_ids, **options})
    return response.status_code, response.json()


def error(response: httpx.Response) -> tuple[int, str, str]:
    assert set(response.json()) == {"error_code", "error_msg"}
    return response.status_code, response.json()["error_code"], response.json()["error_msg"]


def running(service: Service, status: Status = Status.RUNNING, **fields: object) -> int:
    job_id = service.create(**fields)
    service.becomes(job_id, status=status, goal=Goal.RUN, run=Run(id=uuid.uuid4().hex, submit_at=0))
    return job_id


@pytest.mark.parametrize("job_id", ["99", "0", "-1", "9223372036854775808", "1" * 30])
def test_a_job_that_does_not_exist_is_gone_for_terraform(service: Service, job_id: str) -> None:
    status, code, message = error(service.call("GET", f"/jobs/{job_id}"))
    assert (status, code) == (400, "DLI.16001")
    assert message == f"job {job_id[:20]} does not exist"


@pytest.mark.parametrize("job_id", ["x", "1.0", "1%0A", "%D9%A1", "run"])
def test_a_job_id_must_be_a_number(service: Service, job_id: str) -> None:
    assert error(service.call("GET", f"/jobs/{job_id}")) == (400, "DLI.0001", "job_id must be an integer")


@covers("D1")
@covers("D2")
def test_a_run_moves_the_status_before_it_answers_and_wakes_the_controller(service: Service) -> None:
    job_id = service.create()
    assert service.show(job_id)["status"] == "job_init"
    assert batch(service, "run", [job_id]) == (200, [DONE["run"]])
    assert service.show(job_id)["status"] == "job_submitting"
    assert service.stored(job_id).goal is Goal.RUN
    assert service.woken


def test_a_run_starts_from_the_savepoint_only_when_asked_to(service: Service) -> None:
    savepoint = Savepoint("obs://penstock/s/savepoint-1/", SavepointOrigin.STOP)
    fresh, resumed = service.create(), service.create()
    for job_id in (fresh, resumed):
        service.becomes(job_id, status=Status.CANCELLED, savepoint=savepoint)
    batch(service, "run", [fresh])
    batch(service, "run", [resumed], resume_savepoint="true")
    assert service.stored(fresh).restore_point is None
    assert service.stored(resumed).restore_point == savepoint.path


@covers("D8")
def test_a_plain_stop_is_stored(service: Service) -> None:
    job_id = running(service)
    assert batch(service, "stop", [job_id]) == (200, [DONE["stop"]])
    stored = service.stored(job_id)
    assert (stored.status, stored.goal, stored.savepoint_request) == (Status.CANCELING, Goal.STOP, None)


def test_a_stop_with_savepoint_stores_its_trigger_and_place(service: Service) -> None:
    job_id = running(service)
    assert batch(service, "stop", [job_id], trigger_savepoint=True) == (200, [DONE["stop"]])
    stored = service.stored(job_id)
    assert (stored.status, stored.goal) == (Status.SAVEPOINTING, Goal.STOP_WITH_SAVEPOINT)
    assert stored.savepoint_request is not None
    assert re.fullmatch("[0-9a-f]{32}", stored.savepoint_request.trigger_id)
    target = rf"obs://penstock/jobs/savepoint/{job_id}/\d{{4}}-\d\d-\d\d_\d\d-\d\d-\d\d/"
    assert re.fullmatch(target, stored.savepoint_request.target)


def test_an_answer_for_each_position_and_one_act_for_each_job(service: Service) -> None:
    first, second = service.create(), running(service)
    status, answers = batch(service, "run", [first, 99, first, second, str(first), 10**25])
    told = service.stored(second).status
    assert status == 200
    assert answers == [
        DONE["run"],
        refused("DLI.16001", "job 99 does not exist"),
        DONE["run"],
        answers[3],
        DONE["run"],
        refused("DLI.16001", f"job {10**25} does not exist"),
    ]
    assert answers[3]["error_code"] == "DLI.0007"
    assert f"job {second} is {told}" in answers[3]["message"]
    assert service.stored(first).version == 1


@pytest.mark.parametrize("verb", ["run", "stop", "delete"])
def test_a_batch_fails_as_a_whole_when_every_job_fails(service: Service, verb: str) -> None:
    gone = refused("DLI.16001", "job 99 does not exist")
    assert batch(service, verb, [99, 99]) == (400, [gone, gone])


def test_an_unexpected_error_of_one_job_is_its_own(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    first, broken, last = (service.create() for _ in range(3))
    with service.database.write() as tx:
        tx.exec_driver_sql(
            f"CREATE TRIGGER breaks BEFORE UPDATE ON jobs WHEN new.id = {broken} "
            "BEGIN SELECT RAISE(ABORT, 'a broken row'); END"
        )
    response = service.call("POST", "/jobs/run", {"job_ids": [first, broken, last]})
    failed = refused("DLI.0999", "The service met an unexpected error.")
    assert (response.status_code, response.json()) == (200, [DONE["run"], failed, DONE["run"]])
    assert [service.stored(each).status for each in (first, broken, last)] == [
        Status.SUBMITTING,
        Status.INIT,
        Status.SUBMITTING,
    ]
    (record,) = [record for record in caplog.records if record.levelno >= logging.ERROR]
    request = response.headers["x-request-id"]
    assert record.getMessage() == f"request {request} for job {broken} failed at the database: a broken row"
    assert batch(service, "run", [broken]) == (500, [failed])
    assert batch(service, "run", [broken, 99])[0] == 400


@pytest.mark.parametrize("verb", ["run", "stop", "delete"])
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "job_ids must be a list of 1 to 100 elements, each an integer"),
        ({"job_ids": None}, "job_ids must be a list of 1 to 100 elements, each an integer"),
        ({"job_ids": []}, "job_ids must be a list of 1 to 100 elements, each an integer"),
        ({"job_ids": [1] * 101}, "job_ids must be a list of 1 to 100 elements, each an integer"),
        ({"job_ids": 1}, "job_ids must be a list of 1 to 100 elements, each an integer"),
        ({"job_ids": [1, "x"]}, "job_ids[1] must be an integer"),
        ({"job_ids": [None]}, "job_ids[0] must be an integer"),
        ([1], "the body must be a JSON object"),
        (None, "the body must be valid JSON"),
    ],
)
def test_an_unusable_batch_is_one_error(service: Service, verb: str, body: object, message: str) -> None:
    assert error(service.call("POST", f"/jobs/{verb}", body)) == (400, "DLI.0001", message)


@pytest.mark.parametrize(
    ("verb", "option"), [("run", {"resume_savepoint": "maybe"}), ("stop", {"trigger_savepoint": 2})]
)
def test_an_option_must_be_a_boolean(service: Service, verb: str, option: dict[str, object]) -> None:
    answer = error(service.call("POST", f"/jobs/{verb}", {"job_ids": [1], **option}))
    assert answer == (400, "DLI.0001", f"{next(iter(option))} must be true or false")


MAY_RUN = {Status.INIT, Status.SUBMIT_FAILED, Status.EXCEPTION, Status.CANCELLED, Status.FINISHED}
MAY_STOP = {Status.SUBMITTING, Status.RUNNING, Status.CANCEL_FAILED}
MAY_SAVEPOINT = {Status.RUNNING, Status.CANCEL_FAILED}


@pytest.mark.parametrize("status", Status)
def test_each_call_is_accepted_only_in_its_statuses(service: Service, status: Status) -> None:
    savepoint = service.call("POST", f"/jobs/{running(service, status)}/savepoint", {"action": "TRIGGER"})
    accepted = {
        "run": batch(service, "run", [running(service, status)])[0],
        "stop": batch(service, "stop", [running(service, status)])[0],
        "stop with savepoint": batch(service, "stop", [running(service, status)], trigger_savepoint=True)[0],
        "savepoint": savepoint.status_code,
        "delete": batch(service, "delete", [running(service, status)])[0],
    }
    assert accepted == {
        "run": 200 if status in MAY_RUN else 400,
        "stop": 200 if status in MAY_STOP else 400,
        "stop with savepoint": 200 if status in MAY_SAVEPOINT else 400,
        "savepoint": 200 if status in MAY_SAVEPOINT else 400,
        "delete": 200,
    }


@pytest.mark.parametrize(
    ("given", "target"),
    [
        ("obs://state/dir/", "obs://state/dir/"),
        ("state/dir", "obs://state/dir/"),
        (None, r"obs://state/jobs/savepoint/\d+/.{19}/"),
        ("", r"obs://state/jobs/savepoint/\d+/.{19}/"),
    ],
)
def test_a_savepoint_goes_where_it_is_told(service: Service, given: str | None, target: str) -> None:
    job_id = running(service, obs_bucket="state")
    answer = service.call("POST", f"/jobs/{job_id}/savepoint", {"action": "TRIGGER", "savepoint_path": given})
    assert answer.json() == {"is_success": "true", "message": "Savepoint request accepted."}
    stored = service.stored(job_id)
    assert stored.status is Status.SAVEPOINTING
    assert isinstance(stored.savepoint_request, SavepointRequest)
    assert re.fullmatch(target, stored.savepoint_request.target)


@pytest.mark.parametrize(
    ("body", "part"),
    [
        ({}, "action must be one of TRIGGER"),
        ({"action": "DISPOSE"}, "action must be one of TRIGGER"),
        ({"action": "TRIGGER", "savepoint_path": "../x"}, "savepoint_path: '..' is not a bucket name"),
        ({"action": "TRIGGER", "savepoint_path": "state/../x"}, "savepoint_path: 'state/../x' is not an address"),
        ({"action": "TRIGGER", "savepoint_path": 1}, "savepoint_path must be a text"),
        (
            {"action": "TRIGGER", "savepoint_path": "x" * 2049},
            "savepoint_path must be a text of at most 2048 characters",
        ),
    ],
)
def test_a_savepoint_call_that_says_nothing_useful_is_refused(service: Service, body: object, part: str) -> None:
    job_id = running(service)
    status, code, message = error(service.call("POST", f"/jobs/{job_id}/savepoint", body))
    assert (status, code) == (400, "DLI.0001")
    assert part in message
    assert service.stored(job_id).savepoint_request is None


def test_a_deleted_job_is_gone_from_show_and_list_at_once(service: Service) -> None:
    job_id = running(service)
    response = service.call("DELETE", f"/jobs/{job_id}")
    assert (response.status_code, response.json()) == (200, {"is_success": "true", "message": "Job deleted."})
    assert service.names() == []
    for method, tail in (("GET", f"/jobs/{job_id}"), ("DELETE", f"/jobs/{job_id}")):
        assert error(service.call(method, tail))[:2] == (400, "DLI.16001")
    assert batch(service, "run", [job_id])[1][0]["error_code"] == "DLI.16001"


def test_several_jobs_are_deleted_at_once(service: Service) -> None:
    first, second = service.create(), running(service)
    assert batch(service, "delete", [first, second]) == (200, [DONE["delete"], DONE["delete"]])
    assert service.names() == []


def test_the_name_of_a_deleted_job_is_free_again(service: Service) -> None:
    first = service.create(name="clicks")
    service.call("DELETE", f"/jobs/{first}")
    assert service.create(name="clicks") != first
