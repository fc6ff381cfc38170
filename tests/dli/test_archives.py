"""What an archive holds of a job: all that makes another one like it, and nothing else."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from penstock.dli import archives, encoding, jar_jobs, sql_jobs
from penstock.domain.errors import Invalid
from penstock.domain.job import Goal, Job, JobType, Run, Savepoint, SavepointOrigin, Status

EMPTY = Job(0, "p", "u", "maria", JobType.OPENSOURCE_SQL, "", "", created_at=1, updated_at=1)

_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
_names = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cf"]), min_size=1, max_size=57).filter(
    lambda name: not name.isspace()
)
_words = st.from_regex(r"[a-z][a-z0-9]{2,9}", fullmatch=True)
_addresses = st.builds("obs://{}/{}".format, _words, _words)
_packages = _words | st.builds("{}/{}.jar".format, _words, _words) | st.builds("{}.jar".format, _addresses)
_numbers = st.integers(1, 2**31 - 1)
_spec = st.fixed_dictionaries(
    {}, optional={"cpu": st.floats(0.5, 400), "memory": st.sampled_from(["2", "4 GB", "2048 MB"])}
)
_tags = st.dictionaries(_words, _texts, max_size=3)
_SETTINGS: dict[str, st.SearchStrategy[Any]] = {
    "desc": _texts,
    "queue_name": st.sampled_from(["default", "stream_a"]),
    "tags": _tags.map(lambda tags: [{"key": key, "value": value} for key, value in tags.items()]),
    "checkpoint_enabled": st.booleans(),
    "checkpoint_mode": st.sampled_from([1, 2]),
    "checkpoint_interval": st.integers(1, 999_999),
    "log_enabled": st.booleans(),
    "obs_bucket": st.just("") | _words,
    "smn_topic": _texts,
    "manager_cu_number": st.integers(1, 50),
    "tm_cus": st.integers(1, 50),
    "tm_slot_num": st.integers(0, 9),
    "parallel_number": st.integers(1, 2000),
    "restart_when_exception": st.booleans(),
    "resume_checkpoint": st.booleans(),
    "resume_max_num": st.just(-1) | _numbers,
    "runtime_config": st.sampled_from(["", "a.b=c", '[{"key":"a.b","value":"c"}]']),
    "flink_version": st.sampled_from(["", "2.3", "1.20", "1.12"]),
    "execution_agency_urn": _texts,
    "flink_log_config": st.sampled_from(["", '{"root_logger_level": "DEBUG"}']),
    "resource_config_version": st.sampled_from(["v1", "v2"]),
    "resource_config": st.fixed_dictionaries(
        {}, optional={"max_slot": st.integers(1, 9), "parallel_number": st.integers(1, 9),
                      "jobmanager_resource_spec": _spec, "taskmanager_resource_spec": _spec},
    ),
}  # fmt: skip
_OF_SQL: dict[str, st.SearchStrategy[Any]] = {
    "job_type": st.sampled_from(["flink_sql_job", "flink_opensource_sql_job"]),
    "sql_body": _texts,
    "run_mode": st.sampled_from(["shared_cluster", "exclusive_cluster"]),
    "idle_state_retention": st.integers(0, 99999),
    "udf_jar_url": st.just("") | _packages,
    "dirty_data_strategy": st.sampled_from(["", "0", "1", 0]),
    "operator_config": st.sampled_from(["", '{"operator_list":[{"id":"a","parallelism":2}]}']),
    "static_estimator_config": st.sampled_from(["", '{"operator_list": []}']),
}
_several = st.lists(_packages, max_size=3, unique_by=lambda each: each.rpartition("/")[2])
_OF_JARS: dict[str, st.SearchStrategy[Any]] = {
    "entrypoint": st.just("") | _packages,
    "main_class": st.sampled_from(["", "com.example.Rules"]),
    "entrypoint_args": st.sampled_from(["", "--topic 'card events'"]),
    "dependency_jars": _several,
    "dependency_files": _several,
    "checkpoint_path": st.just("") | _addresses,
}
_ALWAYS = {"name": _names, "cu_number": st.integers(100, 400)}
sql_bodies = st.fixed_dictionaries(_ALWAYS, optional=_SETTINGS | _OF_SQL)
jar_bodies = st.fixed_dictionaries(_ALWAYS, optional=_SETTINGS | _OF_JARS)


def of_sql(body: dict[str, Any]) -> Job:
    return sql_jobs.draft(EMPTY, encoding.convert(body, sql_jobs.CreateBody))


def of_jars(body: dict[str, Any]) -> Job:
    return jar_jobs.draft(EMPTY, encoding.convert(body, jar_jobs.CreateBody))


def again(content: bytes) -> Job:
    draft = archives.read(content)
    return draft.fill(EMPTY, draft.body)


@settings(max_examples=300, deadline=None)
@given(sql_bodies.map(of_sql) | jar_bodies.map(of_jars))
def test_a_job_that_is_written_and_read_is_the_same(job: Job) -> None:
    assert again(archives.written(job)) == job


@pytest.mark.parametrize("shape", [sql_jobs.CreateBody, jar_jobs.CreateBody])
def test_every_setting_that_a_call_takes_is_tried(shape: type) -> None:
    tried = set(_ALWAYS) | set(_SETTINGS) | set(_OF_SQL if shape is sql_jobs.CreateBody else _OF_JARS)
    refused_or_constant = {"template_id", "feature", "image", "job_type"}
    assert set(shape.__struct_fields__) - refused_or_constant == tried - refused_or_constant


def test_whose_a_job_is_and_what_became_of_it_is_not_written() -> None:
    job = replace(
        of_sql({"name": "clicks"}),
        id=7,
        project_id="the_project",
        user_id="the_user",
        user_name="the_name",
        status=Status.RUNNING,
        reason="the_reason",
        goal=Goal.RUN,
        run=Run("the_run", 1, "the_state", "the_cluster", "the_checkpoints"),
        savepoint=Savepoint("the_savepoint", SavepointOrigin.REQUEST),
        restore_point="the_point",
        newest_state="the_newest",
        execution_plan="the_plan",
    )
    assert b"the_" not in archives.written(job)


def test_a_written_job_reads_as_the_body_of_its_creation() -> None:
    assert json.loads(archives.written(of_jars({"name": "rules", "entrypoint": "fraud/rules.jar"})))[
        "job_type"
    ] == ("flink_jar_job")
    written = json.loads(archives.written(of_sql({"name": "clicks", "sql_body": "SELECT 1", "smn_topic": ""})))
    assert (written["name"], written["sql_body"], written["cu_number"]) == ("clicks", "SELECT 1", 2)
    assert None not in written.values()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "the file must be valid JSON"),
        (b"[]", "the file must be a JSON object"),
        (b"[" * 100_000, "the file must be valid JSON"),
        (b"{}", "name must be a text of 1 to 57 characters"),
        (b'{"name": "x", "cu_number": 1}', "cu_number must be an integer between 2 and 400"),
        (b'{"name": "x", "job_type": "flink_jar_job", "entrypoint": 7}', "entrypoint must be a text"),
        (b'{"name": "x", "job_type": ["flink_jar_job"]}', "job_type must be one of"),
    ],
)
def test_what_is_no_job_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        again(content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b'{"version": 2, "exported_at": 1, "jobs": 0}', "it has version 2 of the format, and this service reads"),
        (b"{}", "version must be an integer"),
        (b"version 1", "the manifest must be valid JSON"),
    ],
)
def test_an_archive_of_another_version_is_refused(content: bytes, told: str) -> None:
    with pytest.raises(Invalid, match=told):
        archives.check_manifest(content)


def test_a_manifest_of_ours_passes() -> None:
    archives.check_manifest(archives.manifest(3, 1_700_000_000_000))
