"""Queues over the API: their names, what is kept and shown of them, and when they may go."""

from typing import Any

import pytest

from penstock.domain.job import Goal, Run, Status
from penstock.domain.queue import Holder
from penstock.store import queues
from tests.serving import Service

covers = pytest.mark.covers
VERSIONS = ["1.10", "1.11", "1.12", "1.13", "1.14", "1.15", "1.16", "1.17", "1.20", "2.3"]


def ask(service: Service, method: str, tail: str = "", body: object = None, **query: Any) -> dict[str, Any]:
    """Call below the project's queues; a failure is its code and text."""
    path = f"/v1.0/{service.key.project_id}/queues{tail}"
    response = service.http.request(method, path, json=body, params=query or None)
    answer: dict[str, Any] = response.json()
    assert response.status_code == (400 if "error_code" in answer else 200), response.text
    return answer


def make(service: Service, name: str = "stream_b", cus: object = 16, **fields: Any) -> dict[str, Any]:
    return ask(service, "POST", body={"queue_name": name, "cu_count": cus, **fields})


def release(service: Service, name: str) -> dict[str, Any]:
    path = f"/penstock/v1/{service.key.project_id}/queues/{name}/release"
    answer: dict[str, Any] = service.http.post(path).json()
    return answer


def listed(service: Service, **query: Any) -> list[str]:
    return [queue["queue_name"] for queue in ask(service, "GET", **query)["queues"]]


def test_a_new_queue_is_shown_with_what_clients_take_for_unset(service: Service) -> None:
    assert make(service) == {"message": "Queue created.", "queue_name": "stream_b", "is_success": True}
    shown = ask(service, "GET", "/stream_b")
    listed = next(each for each in ask(service, "GET")["queues"] if each["queue_name"] == "stream_b")
    assert shown == listed | {
        "is_success": True,
        "message": "",
        "queueName": "stream_b",
        "queueType": "sql",
        "cuCount": 16,
        "chargingMode": 1,
    }
    assert listed == {
        "queue_id": listed["queue_id"],
        "queue_name": "stream_b",
        "description": "",
        "owner": "maria",
        "create_time": listed["create_time"],
        "queue_type": "sql",
        "cu_count": 16,
        "used_cu": 0.0,
        "charging_mode": 1,
        "resource_id": str(listed["queue_id"]),
        "enterprise_project_id": "0",
        "resource_mode": 0,
        "platform": "x86_64",
        "is_restarting": False,
        "labels": None,
        "feature": "",
        "cu_spec": 16,
        "elastic_resource_pool_name": None,
        "engine": None,
        "default_flink_sql_version": "2.3",
        **dict.fromkeys(("support_flink_sql_versions", "support_flink_jar_versions"), VERSIONS),
        "support_opensource_flink_versions": VERSIONS,
        "penstock": {
            "isolation": "session",
            "slots": 16,
            "rest_url": None,
            "where": None,
            "ready": False,
            "not_ready": "no service has taken it up yet",
            "flink_versions": {version: "2.3" if version == "2.3" else "1.20" for version in VERSIONS},
        },
    }
    assert service.woken


def test_what_decides_nothing_is_shown_as_it_came(service: Service) -> None:
    given: dict[str, Any] = {
        "queue_type": "general",
        "charging_mode": 2,
        "enterprise_project_id": "e1",
        "platform": "aarch64",
        "resource_mode": 1,
        "feature": "basic",
        "elastic_resource_pool_name": "pool",
        "engine": "spark",
        "description": "ours",
    }
    make(service, labels=["multi_az=2"], tags=[{"key": "team", "value": "web"}], **given)
    shown = ask(service, "GET", "/stream_b")
    assert {name: shown[name] for name in given} == given
    assert shown["labels"] == '["multi_az=2"]'


@pytest.mark.parametrize(
    ("own", "shown"),
    [
        ({"slots": 3}, {"isolation": "session", "slots": 3, "rest_url": None}),
        ({"isolation": "job"}, {"isolation": "job", "slots": 0, "rest_url": None}),
        (
            {"rest_url": "https://flink:8081/x"},
            {"isolation": "session", "slots": 0, "rest_url": "https://flink:8081/x"},
        ),
    ],
)
def test_how_a_queue_runs_its_jobs_is_said_at_its_creation(
    service: Service, own: dict[str, Any], shown: dict[str, object]
) -> None:
    make(service, penstock=own)
    told = ask(service, "GET", "/stream_b")["penstock"]
    assert {name: told[name] for name in shown} == shown
    assert told["where"] == own.get("rest_url")


ADDRESS = "penstock.rest_url must be the http or https address of a Flink cluster's REST API"
NAME = (
    "queue_name must be 1 to 128 digits, letters and underscores, "
    "not digits alone, and not begin with an underscore"
)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        *(({"name": name}, NAME) for name in ("", "12", "_a", "a-b", "a b", "ä", "x" * 129, "a\n")),
        ({"name": 5}, "queue_name must be a text"),
        ({"cus": 0}, "cu_count must be an integer between 1 and 100000"),
        ({"cus": None}, "cu_count must be an integer between 1 and 100000"),
        ({"queue_type": "all"}, "queue_type must be one of general, sql"),
        ({"resource_mode": 2}, "resource_mode must be an integer between 0 and 1"),
        ({"description": "x" * 513}, "description must be a text of at most 512 characters"),
        ({"tags": [{"key": "k"}] * 21}, "tags must be a list of at most 20 elements, each an object"),
        ({"penstock": {"isolation": "none"}}, "penstock.isolation must be one of session, job"),
        ({"penstock": {"slots": 0}}, "penstock.slots must be an integer between 1 and 1000"),
        *(
            ({"penstock": {"rest_url": address}}, ADDRESS)
            for address in (
                "", "flink:8081", "ftp://flink", "http://", "http://flink:0", "http://flink:x", "http://f/?q",
                "http://f#x", "http://f\n", "http://f g", "http://[::1", "http://flink\\x", "http://ä",
                "http://..", "http://xn--", "http://[v1.a]", "http://999.1.1.1", "http://" + "f" * 64,
            )
        ),
        *(
            ({"penstock": {"rest_url": address}}, "penstock.rest_url must not hold a user or password")
            for address in ("http://u:hunter2@f", "http://u@f", "http://:hunter2@f")
        ),
        (
            {"penstock": {"isolation": "job", "slots": 2}},
            "penstock: with isolation job the clusters are started for the jobs: no rest_url, no slots",
        ),
        (
            {"penstock": {"rest_url": "http://f", "slots": 2}},
            "penstock: slots must not be given with rest_url: Flink says how many there are",
        ),
    ],
    ids=str,
)  # fmt: skip
def test_a_wrong_value_is_refused(service: Service, fields: dict[str, Any], message: str) -> None:
    assert make(service, **fields) == {"error_code": "DLI.0001", "error_msg": message}


@pytest.mark.parametrize("name", ["default", "Stream_A", "stream_b", "STREAM_B"])
def test_a_name_that_the_project_can_name_already_is_taken(service: Service, name: str) -> None:
    make(service)
    text = f"a queue named {name.lower()!r} exists already"
    assert make(service, name) == {"error_code": "DLI.0006", "error_msg": text}


def test_names_are_of_any_case_and_shown_in_small_letters(service: Service) -> None:
    assert make(service, "Stream_B")["queue_name"] == "stream_b"
    assert ask(service, "GET", "/STREAM_B")["queueName"] == "stream_b"
    assert service.show(service.create(queue_name="STREAM_b"))["queue_name"] == "stream_b"


def test_a_queue_of_another_project_does_not_exist(service: Service) -> None:
    make(service)
    other = service.client(service.new_key("other", "otto"))
    with other:
        answer = other.get(f"/v1.0/{service.new_key('other', 'otto').project_id}/queues/stream_b")
    assert answer.json() == {"error_code": "DLI.0002", "error_msg": "queue 'stream_b' does not exist"}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ({}, ["a9", "default", "stream_a"]),
        ({"queue_type": "general"}, ["b1"]),
        ({"queue_type": "all"}, ["a9", "b1", "default", "stream_a"]),
        ({"queue_type": "all", "order": "queue_name_desc"}, ["stream_a", "default", "b1", "a9"]),
        ({"queue_type": "all", "order": "cu_asc"}, ["b1", "default", "stream_a", "a9"]),
        ({"queue_type": "all", "order": "cu_desc"}, ["a9", "stream_a", "default", "b1"]),
        ({"queue_type": "all", "page-size": 3}, ["a9", "b1", "default"]),
        ({"queue_type": "all", "page-size": 3, "current-page": 2}, ["stream_a"]),
        ({"queue_type": "all", "page-size": 3, "current-page": 3}, []),
        ({"queue_type": "all", "limit": 2, "offset": 1}, ["b1", "default"]),
        ({"tags": "team=web"}, ["a9"]),
        ({"tags": "team=web,env=x"}, []),
        ({"with-priv": "true", "with-charge-info": "false"}, ["a9", "default", "stream_a"]),
    ],
    ids=str,
)
def test_a_list_shows_what_is_asked_for(service: Service, query: dict[str, object], names: list[str]) -> None:
    make(service, "b1", 4, queue_type="general")
    make(service, "a9", 64, tags=[{"key": "team", "value": "web"}])
    assert listed(service, **query) == names


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"queue_type": "spark"}, "queue_type must be one of all, general, sql"),
        ({"page-size": 0}, "page-size must be an integer between 1 and 2147483647"),
        ({"current-page": "x"}, "current-page must be an integer between 1 and 2147483647"),
    ],
    ids=str,
)
def test_a_list_knows_its_values(service: Service, query: dict[str, object], message: str) -> None:
    assert ask(service, "GET", **query) == {"error_code": "DLI.0001", "error_msg": message}


def test_the_size_changes_by_so_many_cus(service: Service) -> None:
    make(service, cus=16)
    for action, cus, size in (("scale_out", 32, 48), ("scale_in", 16, 32)):
        answer = ask(service, "PUT", "/stream_b/action", {"action": action, "cu_count": cus})
        assert answer["is_success"] is True
        assert ask(service, "GET", "/stream_b")["cuCount"] == size


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        ({"action": "restart"}, "DLI.0007", "a queue cannot be restarted; stop its jobs and run them again"),
        ({"action": "scale_in"}, "DLI.0001", "cu_count must say how many CUs to scale_in"),
        (
            {"action": "scale_in", "cu_count": 16},
            "DLI.0001",
            "cu_count must leave the queue, which has 16 CUs, between 1 and 100000",
        ),
    ],
)
def test_a_size_that_cannot_be_is_refused(
    service: Service, body: dict[str, object], code: str, message: str
) -> None:
    make(service)
    assert ask(service, "PUT", "/stream_b/action", body) == {"error_code": code, "error_msg": message}


@pytest.mark.parametrize(("method", "tail"), [("DELETE", ""), ("PUT", "/action")])
def test_the_queues_of_the_service_are_for_its_settings_to_change(service: Service, method: str, tail: str) -> None:
    answer = ask(service, method, f"/default{tail}", {"action": "scale_out", "cu_count": 1})
    text = "queue 'default' is the service's own: its settings say what it is"
    assert answer == {"error_code": "DLI.0007", "error_msg": text}


@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("DELETE", ""), ("PUT", "/action"), ("POST", "release")])
def test_a_queue_that_does_not_exist_is_named(service: Service, method: str, tail: str) -> None:
    body = {"action": "scale_out", "cu_count": 1}
    answer = release(service, "gone") if tail == "release" else ask(service, method, f"/gone{tail}", body)
    assert answer == {"error_code": "DLI.0002", "error_msg": "queue 'gone' does not exist"}


def test_a_deleted_queue_is_gone(service: Service) -> None:
    make(service)
    woken = len(service.woken)
    assert ask(service, "DELETE", "/stream_b")["is_success"] is True
    assert len(service.woken) > woken
    assert "stream_b" not in listed(service)
    make(service)


def test_a_queue_with_active_jobs_is_not_deleted(service: Service) -> None:
    make(service)
    job_id = service.create(queue_name="stream_b")
    service.call("POST", "/jobs/run", {"job_ids": [job_id]})
    text = f"queue 'stream_b' has active jobs, {job_id}: stop them first"
    assert ask(service, "DELETE", "/stream_b") == {"error_code": "DLI.0007", "error_msg": text}
    service.becomes(job_id, goal=Goal.REST, status=Status.CANCELLED)
    assert "error_code" not in ask(service, "DELETE", "/stream_b")


@covers("C23")
def test_a_job_whose_queue_is_gone_runs_again_once_there_is_one(service: Service) -> None:
    make(service)
    job_id, other = service.create(queue_name="stream_b"), service.create()
    ask(service, "DELETE", "/stream_b")
    answers = service.call("POST", "/jobs/run", {"job_ids": [job_id, other]}).json()
    assert [answer.get("error_code") for answer in answers] == ["DLI.13024", None]
    assert service.stored(job_id).status is Status.INIT
    make(service)
    assert service.call("POST", "/jobs/run", {"job_ids": [job_id]}).json()[0]["is_success"] == "true"


def test_a_job_whose_queue_is_gone_can_be_deleted(service: Service) -> None:
    make(service)
    job_id = service.create(queue_name="stream_b")
    ask(service, "DELETE", "/stream_b")
    assert service.call("DELETE", f"/jobs/{job_id}").status_code == 200


@covers("E35")
def test_the_cus_that_jobs_hold_are_shown_while_they_run(service: Service) -> None:
    make(service)
    config = {"cu_number": 10, "tm_cus": 2, "tm_slot_num": 2, "parallel_number": 4}
    small, same = (service.create(queue_name="stream_b", **given) for given in (config, {"cu_number": 3}))
    waiting = service.create(queue_name="stream_b")
    for job_id in (small, same):
        service.becomes(job_id, goal=Goal.RUN, status=Status.RUNNING, run=Run(f"{job_id}", submit_at=0))
    service.becomes(waiting, goal=Goal.RUN, status=Status.SUBMITTING)
    shown = [service.show(job_id)["job_config"]["real_cu_number"] for job_id in (small, same, waiting)]
    assert shown == [5, 0, 0]
    assert ask(service, "GET", "/stream_b")["used_cu"] == 8.0
    service.becomes(small, goal=Goal.REST, status=Status.CANCELLED, run=None)
    assert service.show(small)["job_config"]["real_cu_number"] == 0


def lease(service: Service, until: int) -> int:
    with service.database.write() as tx:
        queue = queues.find(tx, service.key.project_id, "stream_b")
        assert queues.take_lease(tx, queue.id, Holder("one", "host-1:/data"), service.clock(), until)
        queues.tell_readiness(tx, queue.id, None)
    return queue.id


def test_a_queue_is_ready_only_while_somebody_keeps_it(service: Service) -> None:
    make(service)
    lease(service, service.clock() + 60_000)
    told = ask(service, "GET", "/stream_b")["penstock"]
    assert (told["ready"], told["not_ready"], told["where"]) == (True, None, "host-1")
    service.clock.offset_ms += 60_000
    told = ask(service, "GET", "/stream_b")["penstock"]
    assert (told["ready"], told["where"]) == (False, "host-1")
    assert told["not_ready"] == "the service that keeps it does not run; its cluster is on host-1"


def test_the_services_own_queue_is_released_only_by_the_project_of_the_first_start(service: Service) -> None:
    other = service.new_key("other", "otto")
    with service.client(other) as client:
        refused = client.post(f"/penstock/v1/{other.project_id}/queues/default/release")
    text = "queue 'default' is the service's own: the project of its first start releases it"
    assert (refused.status_code, refused.json()["error_msg"]) == (403, text)
    assert release(service, "default")["is_success"] is True


def test_a_queue_is_released_once_nobody_keeps_it(service: Service) -> None:
    make(service)
    queue_id = lease(service, service.clock() + 60_000)
    text = "queue 'stream_b' is kept by a process that lives: there is nothing to release"
    assert release(service, "stream_b") == {"error_code": "DLI.0007", "error_msg": text}
    service.clock.offset_ms += 60_000
    assert release(service, "stream_b")["is_success"] is True
    with service.database.read() as tx:
        assert queues.keeping(tx, queue_id).place is None


def test_the_first_of_many_active_jobs_are_named(service: Service) -> None:
    make(service)
    ids = [service.create(queue_name="stream_b") for _ in range(12)]
    service.call("POST", "/jobs/run", {"job_ids": ids})
    text = ask(service, "DELETE", "/stream_b")["error_msg"]
    assert text.endswith(f", {ids[9]} and 2 more: stop them first")


# --- a cluster that is lost ---


def forget(service: Service, name: str = "theirs") -> dict[str, Any]:
    answer: dict[str, Any] = service.http.post(f"/penstock/v1/{service.key.project_id}/queues/{name}/forget").json()
    return answer


def silent_job(service: Service, **fields: Any) -> int:
    """Make a job of the queue that ran when its cluster fell silent."""
    job_id = service.create(queue_name="theirs")
    ran = {"goal": Goal.RUN, "status": Status.RUNNING, "started_at": 1, "unreachable_since": 5}
    service.becomes(job_id, run=Run(f"{job_id:032x}", submit_at=0, ran=True), **(ran | fields))
    return job_id


def test_the_jobs_of_a_cluster_that_is_lost_come_to_rest_without_it(service: Service) -> None:
    make(service, "theirs", penstock={"rest_url": "http://flink:8081"})
    running = silent_job(service, newest_state="obs://b/chk-7/")
    stopping = silent_job(service, goal=Goal.STOP, status=Status.CANCELING)
    starting = silent_job(service, status=Status.SUBMITTING, started_at=None)
    deleted = silent_job(service)
    service.call("DELETE", f"/jobs/{deleted}")
    assert "has active jobs" in ask(service, "DELETE", "/theirs")["error_msg"]
    assert forget(service)["message"] == "Jobs that were forgotten: 4."
    shown = {job_id: service.show(job_id) for job_id in (running, stopping, starting)}
    assert {job_id: job["status"] for job_id, job in shown.items()} == {
        running: "job_running_exception",
        stopping: "job_cancel_success",
        starting: "job_submit_fail",
    }
    assert {job["status_desc"] for job in shown.values()} == {
        "forgotten, as its cluster is lost for ever; Flink was not asked"
    }
    assert service.stored(running).newest_state == "obs://b/chk-7/"
    told = service.http.get(f"/penstock/v1/{service.key.project_id}/jobs/{running}/events").json()["events"][-1]
    assert (told["kind"], told["user_name"]) == ("ended", "maria")
    assert ask(service, "DELETE", "/theirs")["is_success"] is True


def test_no_job_is_forgotten_while_the_cluster_of_one_answers(service: Service) -> None:
    make(service, "theirs", penstock={"rest_url": "http://flink:8081"})
    silent, answering = silent_job(service), silent_job(service, unreachable_since=None)
    text = f"the cluster of job {answering} has answered just now: stop the job instead"
    assert forget(service) == {"error_code": "DLI.0007", "error_msg": text}
    assert service.show(silent)["status"] == "job_running"


def test_the_jobs_of_clusters_of_ours_are_not_forgotten(service: Service) -> None:
    make(service, "theirs")
    text = "the service keeps the clusters of queue 'theirs' itself: stop its jobs"
    assert forget(service) == {"error_code": "DLI.0007", "error_msg": text}
