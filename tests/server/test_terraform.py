"""Terraform's flinksql_job and flinkjar_job, call by call, against a controller that the tests play.

`tests/terraform.py` names the version of the provider that its calls were read from.
"""

import uuid
from dataclasses import replace
from typing import Any

import pytest

from penstock.domain.job import Goal, Run, Savepoint, SavepointOrigin, Status
from tests.golangsdk import GoClient
from tests.serving import Service
from tests.terraform import Config, JarJob, JobResource, SqlJob

SQL: Config = {"name": "clicks", "sql": "INSERT INTO t SELECT * FROM s; -- <&>", "type": "flink_opensource_sql_job"}
FULL_SQL: Config = {
    **SQL,
    "description": "ours",
    "queue_name": "stream_a",
    "run_mode": "exclusive_cluster",
    "flink_version": "1.20",
    "cu_number": 6,
    "manager_cu_number": 2,
    "parallel_number": 4,
    "tm_cus": 2,
    "tm_slot_num": 2,
    "checkpoint_enabled": True,
    "checkpoint_mode": "at_least_once",
    "checkpoint_interval": 60,
    "obs_bucket": "state",
    "log_enabled": True,
    "smn_topic": "oncall",
    "restart_when_exception": True,
    "resume_checkpoint": True,
    "resume_max_num": 10,
    "idle_state_retention": 3600,
    "dirty_data_strategy": "1",
    "udf_jar_url": "obs://state/udf.jar",
    "runtime_config": {"pipeline.object-reuse": "true"},
    "execution_agency_urn": "urn:agency",
    "operator_config": '{"operator_list":[{"id":"0a448493b4782967b150582570326227","parallelism":2}]}',
    "static_estimator_config": '{"operator_list":[]}',
    "tags": {"team": "web", "bare": ""},
}
JAR: Config = {"name": "rules", "entrypoint": "fraud/rules.jar"}
FULL_JAR: Config = {
    **JAR,
    "description": "of cards",
    "queue_name": "stream_a",
    "main_class": "com.example.Rules",
    "entrypoint_args": "--rate 3",
    "dependency_jars": ["fraud/lib-a.jar", "obs://state/lib-b.jar"],
    "dependency_files": ["model.csv"],
    "feature": "basic",
    "flink_version": "1.20",
    "cu_num": 6,
    "parallel_num": 4,
    "manager_cu_num": 2,
    "tm_cu_num": 2,
    "tm_slot_num": 2,
    "obs_bucket": "state",
    "log_enabled": True,
    "smn_topic": "oncall",
    "restart_when_exception": True,
    "resume_checkpoint": True,
    "resume_max_num": 10,
    "checkpoint_path": "obs://state/own/",
    "checkpoint_enabled": False,
    "checkpoint_mode": 2,
    "checkpoint_interval": 60,
    "runtime_config": {"a": "b"},
    "execution_agency_urn": "urn:agency",
    "resource_config_version": "v2",
    "resource_config": {
        "max_slot": 2,
        "parallel_number": 4,
        "jobmanager_resource_spec": {"cpu": 1, "memory": "4G"},
        "taskmanager_resource_spec": {"cpu": 0.5, "memory": "2G"},
    },
    "tags": {"team": "risk"},
}

PATH = "v1.0/{p}/streaming/jobs"
CREATED = {SqlJob: "POST v1.0/{p}/streaming/sql-jobs", JarJob: "POST v1.0/{p}/streaming/flink-jobs"}


@pytest.fixture
def settle(service: Service) -> Any:
    def play_the_controller(job_id: int) -> None:
        """Let the job become what is wanted of it."""
        job = service.stored(job_id)
        match job.goal:
            case Goal.RUN if job.status is Status.SUBMITTING:
                run = Run(uuid.uuid4().hex, submit_at=0, ran=True)
                service.becomes(job_id, status=Status.RUNNING, run=run)
            case Goal.STOP:
                service.becomes(job_id, status=Status.CANCELLED, goal=Goal.REST, run=None)
            case Goal.STOP_WITH_SAVEPOINT:
                savepoint = Savepoint("obs://state/jobs/savepoint/1/", SavepointOrigin.STOP)
                stopped = {"goal": Goal.REST, "run": None, "savepoint_request": None}
                service.becomes(job_id, status=Status.CANCELLED, savepoint=savepoint, **stopped)

    return play_the_controller


def asked(go: GoClient, job: JobResource) -> list[str]:
    """Tell what was asked since the last time, with `{id}` for the job's."""
    told = [each.replace(f"/{job.id}", "/{id}") for each in go.asked]
    go.asked.clear()
    return told


@pytest.mark.parametrize(("kind", "config"), [(SqlJob, SQL), (SqlJob, FULL_SQL), (JarJob, JAR), (JarJob, FULL_JAR)])
def test_a_second_plan_changes_nothing(go: GoClient, settle: Any, kind: type[JobResource], config: Config) -> None:
    job = kind(go, settle)
    job.create(config)
    assert job.state["status"] == "job_running"
    assert job.plan(config) == set()
    job.refresh(config)
    assert job.plan(config) == set()


def test_a_creation_asks_for_the_bucket_first_and_for_the_tags_always(go: GoClient, settle: Any) -> None:
    job = SqlJob(go, settle)
    job.create(FULL_SQL)
    assert asked(go, job) == [
        "POST v1.0/{p}/dli/obs-authorize",
        "POST v1.0/{p}/streaming/sql-jobs",
        "POST v3/{p}/dli_flink_job/{id}/tags/create",
        "PUT v1.0/{p}/streaming/sql-jobs/{id}",
        "POST v1.0/{p}/streaming/jobs/run",
        "GET v1.0/{p}/streaming/jobs/{id}",
        "GET v1.0/{p}/streaming/jobs/{id}",
        "GET v3/{p}/dli_flink_job/{id}/tags",
    ]
    jar = JarJob(go, settle)
    jar.create(JAR)
    assert asked(go, jar) == [
        "POST v1.0/{p}/streaming/flink-jobs",
        "POST v1.0/{p}/streaming/jobs/run",
        "GET v1.0/{p}/streaming/jobs/{id}",
        "GET v1.0/{p}/streaming/jobs/{id}",
        "GET v3/{p}/dli_flink_job/{id}/tags",
    ]


@pytest.mark.parametrize(
    ("kind", "config", "change"),
    [
        (SqlJob, FULL_SQL, {"smn_topic": "others", "restart_when_exception": False, "resume_max_num": -1}),
        (SqlJob, FULL_SQL, {"resume_checkpoint": False, "obs_bucket": "penstock"}),
        (JarJob, FULL_JAR, {"smn_topic": "others", "resume_max_num": 3}),
        (JarJob, FULL_JAR, {"obs_bucket": "penstock", "checkpoint_path": "obs://penstock/own/"}),
    ],
)
def test_a_change_of_the_running_subset_does_not_stop_the_job(
    service: Service, go: GoClient, settle: Any, kind: type[JobResource], config: Config, change: dict[str, Any]
) -> None:
    job = kind(go, settle)
    job.create(config)
    run = service.stored(job.id).run
    asked(go, job)
    assert job.plan({**config, **change}) == change.keys()
    job.update({**config, **change})
    assert asked(go, job)[:2] == [
        "POST v1.0/{p}/dli/obs-authorize",
        CREATED[kind].replace("POST", "PUT") + "/{id}",
    ]
    assert job.plan({**config, **change}) == set()
    assert service.stored(job.id).run == run


@pytest.mark.parametrize(
    ("kind", "config", "change"),
    [
        (SqlJob, SQL, {"sql": "INSERT INTO t SELECT 1 FROM s", "parallel_number": 2, "cu_number": 4}),
        (SqlJob, FULL_SQL, {"operator_config": "", "runtime_config": {"a": "b"}, "smn_topic": "others"}),
        (SqlJob, FULL_SQL, {"name": "renamed", "checkpoint_mode": "exactly_once", "tags": {"team": "ops"}}),
        (JarJob, JAR, {"entrypoint_args": "--rate 4", "cu_num": 4}),
        (JarJob, FULL_JAR, {"main_class": "com.example.Others", "dependency_files": ["other.csv"]}),
    ],
)
def test_any_other_change_stops_the_job_changes_it_and_runs_it_again(
    service: Service, go: GoClient, settle: Any, kind: type[JobResource], config: Config, change: dict[str, Any]
) -> None:
    job = kind(go, settle)
    job.create(config)
    run = service.stored(job.id).run
    asked(go, job)
    job.update({**config, **change})
    told = asked(go, job)
    stopped = told.index("POST v1.0/{p}/streaming/jobs/stop")
    changed = CREATED[kind].replace("POST", "PUT") + "/{id}"
    assert told[stopped + 1 : stopped + 4] == [
        "GET v1.0/{p}/streaming/jobs/{id}",
        changed,
        "POST v1.0/{p}/streaming/jobs/run",
    ]
    assert job.plan({**config, **change}) == set()
    assert service.stored(job.id).run != run


def test_a_change_of_tags_alone_touches_no_job(service: Service, go: GoClient, settle: Any) -> None:
    job = SqlJob(go, settle)
    job.create(FULL_SQL)
    run = service.stored(job.id).run
    asked(go, job)
    for tags in ({"team": "ops", "new": "1"}, {}):
        job.update({**FULL_SQL, "tags": tags})
        assert job.state["tags"] == tags
    tags_path = "POST v3/{p}/dli_flink_job/{id}/tags"
    assert [each for each in asked(go, job) if not each.startswith("GET")] == [
        f"{tags_path}/delete",
        f"{tags_path}/create",
        f"{tags_path}/delete",
    ]
    assert service.stored(job.id).run == run


def test_operator_config_outlives_a_change_of_the_running_job(go: GoClient, settle: Any) -> None:
    """The client sends it empty with every such change, and does not mean it."""
    job = SqlJob(go, settle)
    job.create(FULL_SQL)
    job.update({**FULL_SQL, "smn_topic": "others"})
    assert job.state["operator_config"] == FULL_SQL["operator_config"]


def test_a_finished_jar_job_is_changed_although_it_cannot_be_stopped(
    service: Service, go: GoClient, settle: Any
) -> None:
    job = JarJob(go, settle)
    job.create(JAR)
    service.becomes(job.id, status=Status.FINISHED, goal=Goal.REST)
    job.update({**JAR, "entrypoint_args": "--once"})
    assert (job.state["entrypoint_args"], job.state["status"]) == ("--once", "job_running")


def test_a_change_of_a_finished_sql_job_fails_at_the_stop_and_leaves_it_as_it_was(
    service: Service, go: GoClient, settle: Any
) -> None:
    job = SqlJob(go, settle)
    job.create(SQL)
    service.becomes(job.id, status=Status.FINISHED, goal=Goal.REST)
    with pytest.raises(AssertionError, match="jobs/stop"):
        job.update({**SQL, "parallel_number": 2})
    assert service.stored(job.id).config.parallelism == 1


@pytest.mark.parametrize(("kind", "config"), [(SqlJob, SQL), (JarJob, JAR)])
@pytest.mark.parametrize("status", [Status.RUNNING, Status.SUBMITTING, Status.FINISHED, Status.EXCEPTION])
def test_a_job_is_destroyed_whatever_its_status_and_gone_at_once(
    service: Service, go: GoClient, settle: Any, kind: type[JobResource], config: Config, status: Status
) -> None:
    job = kind(go, settle)
    job.create(config)
    service.becomes(job.id, status=status)
    assert not job.is_gone
    job.destroy()
    assert job.is_gone
    again = kind(go, settle)
    again.create(config)
    assert again.id > job.id


def test_a_bucket_without_a_place_stops_a_creation_of_a_sql_job_at_once(go: GoClient, settle: Any) -> None:
    job = SqlJob(go, settle)
    answer = go.send("POST", "v1.0/{p}/dli/obs-authorize", {"obs_buckets": ["elsewhere"]})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "DLI.0002")
    with pytest.raises(AssertionError, match="obs-authorize"):
        job.create({**SQL, "obs_bucket": "elsewhere"})
    assert job.id == 0


def test_a_wrong_secret_and_a_changed_body_are_refused(service: Service, go: GoClient) -> None:
    answer = replace(go, secret="wrong").send("GET", PATH)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "APIGW.0301")
    signed = go.send("POST", f"{PATH}/run", {"job_ids": [1]}).request
    headers = {name: value for name, value in signed.headers.items() if name != "content-length"}
    assert b"host" not in signed.headers["authorization"].encode()
    altered = service.anonymous.request("POST", str(signed.url), headers=headers, content=b'{"job_ids":[2]}\n')
    assert altered.status_code == 401
