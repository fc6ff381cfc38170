"""Create and update of jar jobs: what is echoed, what is refused, and what a running job takes."""

from typing import Any

import pytest

from penstock.domain.job import Goal, JobType, Run, Status
from tests.serving import Service

covers = pytest.mark.covers

PROGRAM: dict[str, Any] = {
    "entrypoint": "fraud/rules.jar",
    "dependency_jars": ["fraud/lib-a.jar", "obs://state/lib-b.jar"],
    "dependency_files": ["model.csv"],
}
OUTSIDE: dict[str, Any] = {"main_class": "com.example.Rules", "entrypoint_args": '--topic "card events" --rate 3'}
NOT_CONFIG: dict[str, Any] = {"name": "fraud_rules", "desc": "of cards", "queue_name": "stream_a", **OUTSIDE}
CONFIG: dict[str, Any] = {
    **PROGRAM,
    "checkpoint_enabled": True,
    "checkpoint_interval": 60,
    "checkpoint_path": "obs://state/own/",
    "cu_number": 4,
    "feature": "basic",
    "flink_version": "2.3",
    "log_enabled": True,
    "manager_cu_number": 1,
    "obs_bucket": "state",
    "parallel_number": 2,
    "restart_when_exception": True,
    "resume_checkpoint": True,
    "resume_max_num": 5,
    "runtime_config": "a=b",
    "smn_topic": "oncall",
    "tm_cus": 1,
    "tm_slot_num": 2,
    "flink_log_config": '{"root_logger_level":"INFO"}',
    "execution_agency_urn": "urn:agency",
    "resource_config": {"max_slot": 2, "taskmanager_resource_spec": {"cpu": 0.5, "memory": "8G"}},
    "resource_config_version": "v1",
}
TERRAFORM_EXPECTS: dict[str, Any] = {
    "cu_number": 2,
    "parallel_number": 1,
    "manager_cu_number": 1,
    "tm_cus": 1,
    "checkpoint_mode": "exactly_once",
    "resource_config_version": "v1",
    "resource_config": {
        "max_slot": 1,
        "parallel_number": 1,
        "jobmanager_resource_spec": {"cpu": 1.0, "memory": "4G"},
        "taskmanager_resource_spec": {"cpu": 1.0, "memory": "4G"},
    },
    "checkpoint_path": None,
}


def create(service: Service, **fields: object) -> int:
    response = service.call("POST", "/flink-jobs", {"name": "fraud_rules", **fields})
    assert response.status_code == 200, response.text
    assert response.json()["is_success"] == "true"
    return int(response.json()["job"]["job_id"])


def update(service: Service, job_id: int, **fields: object) -> None:
    response = service.call("PUT", f"/flink-jobs/{job_id}", fields)
    assert response.status_code == 200, response.text
    assert response.json()["is_success"] == "true"


def refusal(service: Service, method: str, tail: str, **fields: object) -> tuple[str, str]:
    response = service.call(method, tail, fields)
    assert response.status_code == 400, response.text
    return response.json()["error_code"], response.json()["error_msg"]


@covers("C19")
@covers("C20")
@covers("E16")
@covers("E17")
@covers("E18")
def test_everything_that_was_sent_is_echoed(service: Service) -> None:
    shown = service.show(create(service, **NOT_CONFIG, **CONFIG, tags=[{"key": "team", "value": "web"}]))
    assert shown["job_type"] == "flink_jar_job"
    assert {key: shown[key] for key in NOT_CONFIG} == NOT_CONFIG
    assert {key: shown["job_config"][key] for key in CONFIG} == CONFIG
    listed = service.call("GET", "/jobs", job_type="flink_jar_job", show_detail=True, tags="team=web").json()
    assert listed["job_list"]["jobs"][0]["job_config"] == shown["job_config"]


@covers("E30")
@covers("E31")
def test_a_small_body_gets_what_terraform_expects(service: Service) -> None:
    shown = service.show(create(service))
    config = shown["job_config"]
    assert {key: config[key] for key in TERRAFORM_EXPECTS} == TERRAFORM_EXPECTS
    assert (config["feature"], config["image"]) == ("basic", None)
    assert (shown["main_class"], shown["entrypoint_args"], shown["sql_body"]) == (None, None, "")
    assert [config[key] for key in PROGRAM] == [None, None, None]


def test_what_only_sql_jobs_have_is_ignored(service: Service) -> None:
    job_id = create(service, sql_body="x", run_mode="edge_node", idle_state_retention="?", udf_jar_url=1)
    assert service.stored(job_id).type is JobType.JAR
    assert service.stored(job_id).config.udf_jar_url is None


def test_an_update_changes_what_it_names_and_an_empty_text_clears(service: Service) -> None:
    job_id = create(service, **NOT_CONFIG, **CONFIG)
    changes = {"main_class": "", "dependency_files": [], "entrypoint": "rules.jar", "checkpoint_path": ""}
    update(service, job_id, job_type="flink_jar_job", **changes)
    shown = service.show(job_id)
    config = shown["job_config"]
    assert (shown["main_class"], shown["entrypoint_args"]) == (None, OUTSIDE["entrypoint_args"])
    assert (config["entrypoint"], config["dependency_files"]) == ("rules.jar", None)
    assert config["dependency_jars"] == PROGRAM["dependency_jars"]
    assert config["checkpoint_path"] == f"obs://state/jobs/checkpoint/{job_id}/"


def test_a_running_job_takes_what_terraform_changes_and_nothing_else(service: Service) -> None:
    job_id = create(service, **NOT_CONFIG, **CONFIG)
    service.becomes(job_id, status=Status.RUNNING, goal=Goal.RUN, run=Run(id="0" * 32, submit_at=0))
    update(service, job_id, **PROGRAM, **OUTSIDE, checkpoint_path="obs://state/other/", resume_max_num=6)
    assert service.show(job_id)["job_config"]["checkpoint_path"] == "obs://state/other/"
    code, told = refusal(service, "PUT", f"/flink-jobs/{job_id}", entrypoint_args="--rate 4")
    assert (code, told.endswith("not entrypoint_args")) == ("DLI.0007", True)
    assert service.show(job_id)["entrypoint_args"] == OUTSIDE["entrypoint_args"]


def test_a_change_is_told_in_the_history_by_its_wire_names(service: Service) -> None:
    job_id = create(service)
    update(service, job_id, entrypoint="a.jar", entrypoint_args="--password hunter2")
    path = f"/penstock/v1/{service.key.project_id}/jobs/{job_id}/events"
    last = service.http.get(path).json()["events"][-1]
    assert last["details"]["settings"] == ["entrypoint", "entrypoint_args"]


@pytest.mark.parametrize(
    ("fields", "refused"),
    [
        ({"entrypoint": "https://host/x.jar"}, "entrypoint: 'https://host/x.jar' is neither a package"),
        ({"entrypoint": "/x.jar"}, "entrypoint: '/x.jar' is neither a package"),
        ({"entrypoint": "../x.jar"}, "entrypoint: '..' is not the name of a package or group"),
        ({"entrypoint": "a/b/c.jar"}, "entrypoint: 'a/b' is not the name of a package or group"),
        ({"entrypoint": "obs://state/"}, "entrypoint: 'obs://state/' names no file"),
        ({"entrypoint": "obs://state/../x.jar"}, "entrypoint: 'obs://state/../x.jar' is not an address"),
        ({"dependency_jars": ["a.jar", "file:///x.jar"]}, "dependency_jars: 'file:///x.jar' is neither a package"),
        ({"dependency_files": ["a/x.csv", "b/x.csv"]}, "dependency_files: two of them have the same file name"),
        ({"entrypoint_args": "--topic 'cards"}, "entrypoint_args: a shell could not split it: No closing"),
        ({"main_class": "com.example.Rules; rm"}, "main_class: 'com.example.Rules; rm' is not the full name of a"),
        ({"checkpoint_path": "obs://B/"}, "checkpoint_path: 'B' is not a bucket name"),
        ({"checkpoint_path": "obs://nowhere/a/"}, "checkpoint_path: there is no bucket 'nowhere': the storage map"),
        ({"feature": "gpu"}, "feature must be basic or custom"),
        ({"cu_number": 1}, "cu_number must be an integer between 2 and 400"),
    ],
)  # fmt: skip
def test_a_malformed_value_is_refused_by_its_name(
    service: Service, fields: dict[str, object], refused: str
) -> None:
    code, told = refusal(service, "POST", "/flink-jobs", name="x", **fields)
    assert (code, told[: len(refused)]) == ("DLI.0001", refused)


@covers("E30")
@covers("E31")
@pytest.mark.parametrize("fields", [{"feature": "Custom"}, {"image": "org/name:1"}])
def test_an_image_of_ones_own_is_refused(service: Service, fields: dict[str, object]) -> None:
    code, told = refusal(service, "POST", "/flink-jobs", name="x", **fields)
    assert (code, told.startswith("feature custom is not supported")) == ("DLI.0007", True)


def test_a_job_is_updated_only_as_what_it_is(service: Service) -> None:
    sql, jar = service.create(), create(service)
    assert refusal(service, "PUT", f"/flink-jobs/{sql}") == (
        "DLI.0007",
        f"job {sql} is not a jar job; update it as a SQL job",
    )
    assert refusal(service, "PUT", f"/sql-jobs/{jar}") == ("DLI.0007", f"job {jar} is a jar job; update it as one")
