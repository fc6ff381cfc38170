"""Create and update of SQL jobs: ranges, defaults, what is echoed, and what a running job takes."""

import json
from dataclasses import replace
from typing import Any

import pytest

from penstock.domain.job import Goal, JobType, Run, Status
from penstock.server.app import create_app
from tests import serving
from tests.serving import Service

covers = pytest.mark.covers

FULL: dict[str, Any] = {
    "name": "clicks_to_lake",
    "desc": "of the shop",
    "job_type": "flink_sql_job",
    "run_mode": "exclusive_cluster",
    "queue_name": "stream_a",
    "sql_body": "CREATE TABLE s (id INT);\r\n-- Grüße 漢字\n\tINSERT INTO t SELECT id FROM s; \n",
}
FULL_CONFIG: dict[str, Any] = {
    "checkpoint_enabled": True,
    "checkpoint_interval": 30,
    "log_enabled": True,
    "obs_bucket": "state",
    "smn_topic": "oncall",
    "manager_cu_number": 2,
    "cu_number": 10,
    "parallel_number": 3,
    "restart_when_exception": True,
    "idle_state_retention": 1,
    "udf_jar_url": "obs://state/udf.jar",
    "dirty_data_strategy": "0",
    "resume_checkpoint": True,
    "runtime_config": '[{"key":"table.exec.mini-batch.enabled","value":"true"}]',
    "resume_max_num": 10,
    "tm_cus": 2,
    "tm_slot_num": 4,
    "flink_version": "2.3",
    "operator_config": '{"operator_list":[{"id":"a1","parallelism":2}]}',
    "static_estimator_config": '{"operator_list":[]}',
    "execution_agency_urn": "urn:agency",
    "flink_log_config": '{"root_logger_level":"INFO","loggers_level_of_class":{"org.apache.flink":"WARN"}}',
    "resource_config": {"max_slot": 2, "taskmanager_resource_spec": {"cpu": 0.5, "memory": "2 GB"}},
    "resource_config_version": "v2",
}


VERSIONS = "1.10, 1.11, 1.12, 1.13, 1.14, 1.15, 1.16, 1.17, 1.20, 2.3"


def refusal(service: Service, method: str, tail: str, body: object) -> tuple[str, str]:
    response = service.call(method, tail, body)
    assert response.status_code == 400, response.text
    assert set(response.json()) == {"error_code", "error_msg"}
    return response.json()["error_code"], response.json()["error_msg"]


def test_a_created_job_is_answered_with_its_id(service: Service) -> None:
    response = service.call("POST", "/sql-jobs", {"name": "clicks"})
    job_id = response.json()["job"]["job_id"]
    assert response.text == (
        '{"is_success":"true","message":"Job created.",'
        f'"job":{{"job_id":{job_id},"status_name":"job_init","status_desc":""}}}}'
    )


@covers("C3")
@covers("C8")
@covers("C16")
@covers("C17")
@covers("E34")
def test_everything_that_was_sent_is_echoed(service: Service) -> None:
    shown = service.show(service.create(**FULL, **FULL_CONFIG, checkpoint_mode=2))
    assert {key: shown[key] for key in FULL} == FULL
    config = shown["job_config"]
    assert {key: config[key] for key in FULL_CONFIG} == FULL_CONFIG
    assert config["checkpoint_mode"] == "at_least_once"
    assert config["checkpoint_path"] == f"obs://state/jobs/checkpoint/{shown['job_id']}/"
    assert shown["update_time"] == shown["create_time"]


def test_a_small_body_gets_the_defaults(service: Service) -> None:
    shown = service.show(service.create(name="small"))
    expected = {
        "desc": "",
        "sql_body": "",
        "job_type": "flink_opensource_sql_job",
        "run_mode": "shared_cluster",
        "queue_name": "default",
    }
    assert {key: shown[key] for key in expected} == expected


@pytest.mark.parametrize(
    ("sent", "shown"),
    [
        ({"cu_number": "4", "parallel_number": "3"}, {"cu_number": 4, "parallel_number": 3}),
        (
            {"checkpoint_enabled": "true", "log_enabled": "False"},
            {"checkpoint_enabled": True, "log_enabled": False},
        ),
        ({"checkpoint_mode": "2"}, {"checkpoint_mode": "at_least_once"}),
        ({"checkpoint_mode": "at_least_once"}, {"checkpoint_mode": "at_least_once"}),
        ({"checkpoint_mode": 1}, {"checkpoint_mode": "exactly_once"}),
        ({"cu_number": None, "smn_topic": None, "resource_config": None}, {"cu_number": 2, "smn_topic": None}),
        ({"tm_slot_num": 0}, {"tm_slot_num": None}),
        ({"checkpoint_interval": 0}, {"checkpoint_interval": 0}),
        ({"idle_state_retention": 0}, {"idle_state_retention": 0}),
        ({"dirty_data_strategy": 1}, {"dirty_data_strategy": "1"}),
        ({"smn_topic": "", "obs_bucket": "", "flink_version": ""}, {"smn_topic": None, "obs_bucket": None}),
        ({"runtime_config": "a=b\nc = d=e\n"}, {"runtime_config": "a=b\nc = d=e\n"}),
        ({"runtime_config": '{"a":"b"}'}, {"runtime_config": '{"a":"b"}'}),
        ({"checkpoint_enabled": True}, {"checkpoint_path": "obs://penstock/jobs/checkpoint/1/"}),
        ({"resource_config": {"max_slot": 1, "new": [1]}}, {"resource_config": {"max_slot": 1}}),
        (
            {"resource_config": {"taskmanager_resource_spec": {"cpu": "1.5"}}},
            {"resource_config": {"taskmanager_resource_spec": {"cpu": 1.5}}},
        ),
        ({"something_new": [1, {"a": None}]}, {}),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_lax_values_are_taken_for_what_they_say(
    service: Service, sent: dict[str, object], shown: dict[str, object]
) -> None:
    config = service.show(service.create(**sent))["job_config"]
    assert {key: config[key] for key in shown} == shown


INTEGER = "must be an integer between"
NAME = "name must not be blank, nor hold control or format characters (Unicode Cc, Cf)"
LIMITS = {
    "smn_topic": 512,
    "obs_bucket": 63,
    "udf_jar_url": 2048,
    "runtime_config": 65536,
    "flink_version": 32,
    "operator_config": 65536,
    "static_estimator_config": 65536,
    "execution_agency_urn": 512,
    "flink_log_config": 65536,
}


@pytest.mark.parametrize(
    ("field", "message"),
    [
        ({"name": ""}, "name must be a text of 1 to 57 characters"),
        ({"name": None}, "name must be a text of 1 to 57 characters"),
        ({"name": "x" * 58}, "name must be a text of 1 to 57 characters"),
        ({"name": 5}, "name must be a text of 1 to 57 characters"),
        *(
            ({"name": name}, NAME)
            for name in ("a\nb", "a\tb", "\x7f", "a\x85b", "a\u202eb", "a\u200bb", " ", "\u3000 ")
        ),
        ({"desc": "x" * 513}, "desc must be a text of at most 512 characters"),
        ({"queue_name": "x" * 129}, "queue_name must be a text of at most 128 characters"),
        ({"sql_body": "x" * (2**20 + 1)}, "sql_body must be a text of at most 1048576 characters"),
        ({"sql_body": "a\0"}, "sql_body must not hold the character U+0000"),
        ({"run_mode": "my_cluster"}, "run_mode must be one of shared_cluster, exclusive_cluster, edge_node"),
        (
            {"job_type": "flink_jar_job"},
            "job_type must be one of flink_opensource_sql_job, flink_sql_edge_job, flink_sql_job",
        ),
        ({"cu_number": 1}, f"cu_number {INTEGER} 2 and 400"),
        ({"cu_number": 401}, f"cu_number {INTEGER} 2 and 400"),
        ({"cu_number": 2.5}, f"cu_number {INTEGER} 2 and 400"),
        ({"cu_number": True}, f"cu_number {INTEGER} 2 and 400"),
        ({"cu_number": "many"}, f"cu_number {INTEGER} 2 and 400"),
        ({"manager_cu_number": 0}, f"manager_cu_number {INTEGER} 1 and 2147483647"),
        ({"manager_cu_number": 2}, "manager_cu_number must be less than cu_number, which is 2"),
        ({"tm_cus": 0}, f"tm_cus {INTEGER} 1 and 2147483647"),
        ({"tm_cus": 2}, "tm_cus must be at most cu_number - manager_cu_number, which is 1"),
        ({"tm_slot_num": -1}, f"tm_slot_num {INTEGER} 0 and 2147483647"),
        ({"parallel_number": 0}, f"parallel_number {INTEGER} 1 and 2000"),
        ({"parallel_number": 2001}, f"parallel_number {INTEGER} 1 and 2000"),
        ({"checkpoint_interval": 1_000_000}, f"checkpoint_interval {INTEGER} 0 and 999999"),
        (
            {"checkpoint_interval": 0, "checkpoint_enabled": True},
            f"checkpoint_interval {INTEGER} 1 and 999999 when checkpoint_enabled is true",
        ),
        ({"checkpoint_enabled": "maybe"}, "checkpoint_enabled must be true or false"),
        ({"checkpoint_enabled": 1}, "checkpoint_enabled must be true or false"),
        ({"checkpoint_mode": 3}, "checkpoint_mode must be one of 1, 2, at_least_once, exactly_once"),
        ({"resume_max_num": 0}, "resume_max_num must be -1 (no limit) or greater than 0"),
        ({"resume_max_num": -2}, f"resume_max_num {INTEGER} -1 and 2147483647"),
        ({"idle_state_retention": -1}, f"idle_state_retention {INTEGER} 0 and 2147483647"),
        *(
            ({"dirty_data_strategy": value}, "dirty_data_strategy must be 0 or 1")
            for value in ("3", "22", 3, True, [0], 0.0)
        ),
        *(
            ({name: "x" * (most + 1)}, f"{name} must be a text of at most {most} characters")
            for name, most in LIMITS.items()
        ),
        ({"template_id": 2**63}, f"template_id {INTEGER} -9223372036854775807 and 9223372036854775807"),
        ({"flink_version": "1.18"}, f"flink_version must be one of {VERSIONS}"),
        (
            {"runtime_config": "no setting"},
            'runtime_config must be [{"key":"k","value":"v"}], {"k":"v"} or lines k=v',
        ),
        ({"resource_config_version": "v3"}, "resource_config_version must be one of v1, v2"),
        ({"resource_config": {"max_slot": 0}}, f"resource_config.max_slot {INTEGER} 1 and 2000"),
        (
            {"resource_config": {"jobmanager_resource_spec": {"cpu": "0.4"}}},
            "resource_config.jobmanager_resource_spec.cpu must be a number between 0.5 and 400",
        ),
        (
            {"resource_config": {"jobmanager_resource_spec": {"memory": " " * 32 + "2"}}},
            "resource_config.jobmanager_resource_spec.memory must be a text of at most 32 characters",
        ),
        (
            {"resource_config": {"jobmanager_resource_spec": {"memory": "1 GB"}}},
            "resource_config: memory must be at least 2 GB, written like 2048 MB, 2 GB or 2",
        ),
        ({"flink_log_config": "{"}, "flink_log_config must be valid JSON"),
        (
            {"flink_log_config": '{"root_logger_level":"LOUD"}'},
            "flink_log_config: root_logger_level must be one of DEBUG, ERROR, INFO, TRACE, WARN",
        ),
        ({"operator_config": "[]"}, "operator_config must be a JSON object"),
        ({"tags": [{"key": "k"}] * 21}, "tags must be a list of at most 20 elements, each an object"),
        ({"tags": [{"key": ""}]}, "tags[0].key must be a text of 1 to 128 characters"),
        ({"tags": [{"key": "k", "value": "v" * 256}]}, "tags[0].value must be a text of at most 255 characters"),
        ({"tags": [{"value": "v"}]}, "tags[0].key must be a text of 1 to 128 characters"),
        (
            {"tags": [{"key": "_sys_k"}]},
            "tags: a key must not start with _sys_, nor begin or end with a blank",
        ),
        ({"tags": [{"key": " k"}]}, "tags: a key must not start with _sys_, nor begin or end with a blank"),
        ({"tags": [{"key": "k "}]}, "tags: a key must not start with _sys_, nor begin or end with a blank"),
        ({"tags": [{"key": "k"}, {"key": "k"}]}, "tags: a key must not be given twice"),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(
    service: Service, field: dict[str, object], message: str
) -> None:
    assert refusal(service, "POST", "/sql-jobs", {"name": "job", **field}) == ("DLI.0001", message)
    assert service.names() == []


def test_a_bucket_name_must_be_one(service: Service) -> None:
    code, message = refusal(service, "POST", "/sql-jobs", {"name": "job", "obs_bucket": "../etc"})
    assert (code, message[:36]) == ("DLI.0001", "obs_bucket: '../etc' is not a bucket")


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ({"job_type": "flink_sql_edge_job"}, "DLI.0007"),
        ({"run_mode": "edge_node"}, "DLI.0007"),
        pytest.param({"dirty_data_strategy": "2:obs://b/d"}, "DLI.0007", marks=covers("E15")),
        pytest.param({"dirty_data_strategy": 2}, "DLI.0007", marks=covers("E15")),
        ({"runtime_config": "rest.port=1"}, "DLI.0007"),
        ({"queue_name": "nowhere"}, "DLI.0002"),
        ({"template_id": 7}, "DLI.0002"),
        ({"name": "taken"}, "DLI.0006"),
        pytest.param({"flink_version": "2.2"}, "DLI.0001", marks=covers("E32")),
    ],
    ids=str,
)
def test_what_cannot_be_had_is_refused_with_its_code(service: Service, field: dict[str, object], code: str) -> None:
    service.create(name="taken")
    assert refusal(service, "POST", "/sql-jobs", {"name": "job", **field})[0] == code
    assert service.names() == ["taken"]


def test_an_sql_body_of_its_own_needs_no_template(service: Service) -> None:
    assert service.show(service.create(template_id=7, sql_body="SELECT 1"))["sql_body"] == "SELECT 1"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b"[" * 100_000, b'{"name":"\\ud800"}', b'{"a":NaN}']
)
def test_a_body_that_is_no_json_object_is_refused(service: Service, body: bytes) -> None:
    response = service.http.post(service.path("/sql-jobs"), content=body)
    assert (response.status_code, response.json()["error_code"]) == (400, "DLI.0001")


@covers("C22")
def test_an_update_changes_what_is_given_and_nothing_else(service: Service) -> None:
    job_id = service.create(**FULL, **FULL_CONFIG)
    before = service.show(job_id)
    service.clock.offset_ms = 5000
    response = service.call("PUT", f"/sql-jobs/{job_id}", {"name": "new", "cu_number": 20, "smn_topic": None})
    after = service.show(job_id)
    assert response.json() == {
        "is_success": "true",
        "message": "Job updated.",
        "job": {"update_time": after["update_time"]},
    }
    assert after["update_time"] >= before["update_time"] + 5000
    changed = {
        "name": "new",
        "update_time": after["update_time"],
        "job_config": {**before["job_config"], "cu_number": 20},
    }
    assert after == before | changed


def test_an_update_clears_with_an_empty_text(service: Service) -> None:
    job_id = service.create(**FULL, **FULL_CONFIG)
    cleared = ["operator_config", "static_estimator_config", "smn_topic", "runtime_config"]
    service.call("PUT", f"/sql-jobs/{job_id}", {**dict.fromkeys(cleared, ""), "desc": "", "queue_name": ""})
    shown = service.show(job_id)
    assert [shown["job_config"][key] for key in cleared] == [None] * 4
    assert (shown["desc"], shown["queue_name"]) == ("", "default")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"manager_cu_number": 10}, "manager_cu_number must be less than cu_number, which is 10"),
        ({"cu_number": 3}, "tm_cus must be at most cu_number - manager_cu_number, which is 1"),
        ({"checkpoint_interval": 0}, f"checkpoint_interval {INTEGER} 1 and 999999 when checkpoint_enabled is true"),
    ],
    ids=str,
)
def test_an_update_is_checked_together_with_what_is_stored(
    service: Service, change: dict[str, object], message: str
) -> None:
    job_id = service.create(**FULL, **FULL_CONFIG)
    assert refusal(service, "PUT", f"/sql-jobs/{job_id}", change) == ("DLI.0001", message)


def test_an_update_ignores_what_is_no_part_of_it(service: Service) -> None:
    job_id = service.create(tags=[{"key": "a", "value": "b"}])
    service.call("PUT", f"/sql-jobs/{job_id}", {"job_type": "x", "template_id": "x", "tags": "x"})
    assert service.stored(job_id).type is JobType.OPENSOURCE_SQL
    assert service.stored(job_id).tags == {"a": "b"}


def test_an_update_cannot_take_the_name_of_another_job(service: Service) -> None:
    service.create(name="taken")
    job_id = service.create(name="mine")
    assert refusal(service, "PUT", f"/sql-jobs/{job_id}", {"name": "taken"})[0] == "DLI.0006"
    assert service.call("PUT", f"/sql-jobs/{job_id}", {"name": "mine"}).status_code == 200


@pytest.mark.parametrize(("job_id", "code"), [("99", "DLI.16001"), ("x", "DLI.0001")])
def test_an_update_needs_a_job(service: Service, job_id: str, code: str) -> None:
    assert refusal(service, "PUT", f"/sql-jobs/{job_id}", {})[0] == code


def test_a_jar_job_is_not_updated_as_an_sql_job(service: Service) -> None:
    job_id = service.create()
    service.becomes(job_id, type=JobType.JAR)
    assert refusal(service, "PUT", f"/sql-jobs/{job_id}", {"desc": "x"})[0] == "DLI.0007"


ALL = {Status.INIT, Status.SUBMIT_FAILED, Status.EXCEPTION, Status.CANCELLED, Status.FINISHED}
A_FEW = {Status.SUBMITTING, Status.RUNNING, Status.SAVEPOINTING, Status.CANCEL_FAILED}
TERRAFORM_WHILE_RUNNING = {
    "smn_topic": "other",
    "restart_when_exception": False,
    "resume_checkpoint": False,
    "resume_max_num": 3,
    "obs_bucket": "state",
    "operator_config": "",
    "static_estimator_config": "",
}


@pytest.mark.parametrize("status", Status)
def test_what_an_update_may_change_depends_on_the_status(service: Service, status: Status) -> None:
    job_id = service.create(**FULL, **FULL_CONFIG)
    service.becomes(job_id, status=status, goal=Goal.WATCH, run=Run(id="0" * 32, submit_at=0))
    full = service.call("PUT", f"/sql-jobs/{job_id}", {"sql_body": "SELECT 2"})
    few = service.call("PUT", f"/sql-jobs/{job_id}", TERRAFORM_WHILE_RUNNING)
    assert full.status_code == (200 if status in ALL else 400)
    assert few.status_code == (200 if status in ALL | A_FEW else 400)
    for response in (full, few):
        assert response.status_code == 200 or response.json()["error_code"] == "DLI.0007"
    assert service.stored(job_id).sql == ("SELECT 2" if status in ALL else FULL["sql_body"])


def test_a_running_job_takes_unchanged_values_and_keeps_what_terraform_sends_empty(service: Service) -> None:
    job_id = service.create(**FULL, **FULL_CONFIG)
    service.becomes(job_id, status=Status.RUNNING, goal=Goal.RUN)
    sent = {**FULL, **FULL_CONFIG, **TERRAFORM_WHILE_RUNNING}
    assert service.call("PUT", f"/sql-jobs/{job_id}", sent).status_code == 200
    config = service.show(job_id)["job_config"]
    assert config["operator_config"] == FULL_CONFIG["operator_config"]
    assert (config["smn_topic"], config["resume_max_num"]) == ("other", 3)


def test_a_refused_update_of_a_running_job_stores_nothing(service: Service) -> None:
    job_id = service.create()
    service.becomes(job_id, status=Status.RUNNING, goal=Goal.RUN)
    before = service.stored(job_id)
    assert refusal(service, "PUT", f"/sql-jobs/{job_id}", {"smn_topic": "x", "cu_number": 4})[0] == "DLI.0007"
    assert service.stored(job_id) == before


def test_a_project_has_no_more_jobs_than_it_may(service: Service, port: tuple[str, serving.Switch]) -> None:
    port[1].app = create_app(replace(service.context, jobs_per_project=2))
    first = service.create()
    service.create()
    refused = service.call("POST", "/sql-jobs", {"name": "third"})
    assert (refused.status_code, refused.json()) == (
        400,
        {"error_code": "DLI.1028", "error_msg": "the project has 2 jobs, and may have no more; delete some"},
    )
    service.call("DELETE", f"/jobs/{first}")
    service.create(name="third")
