"""No setting is lost between the wire and the job, in either direction."""

from dataclasses import fields, replace
from typing import Any

import msgspec
import pytest
from huaweicloudsdkdli.v1 import model

from penstock.dli import config, jar_jobs, sql_jobs
from penstock.dli.config import JobConfig
from penstock.dli.settings_text import ResourceConfig
from penstock.dli.sql_jobs import UpdateBody
from penstock.domain.job import Job, JobType
from penstock.domain.job import JobConfig as Settings

GIVEN = {
    "checkpoint_enabled": True,
    "checkpoint_mode": 2,
    "checkpoint_interval": 5,
    "log_enabled": True,
    "obs_bucket": "state",
    "smn_topic": "oncall",
    "manager_cu_number": 2,
    "cu_number": 9,
    "parallel_number": 3,
    "restart_when_exception": True,
    "idle_state_retention": 60,
    "udf_jar_url": "udf.jar",
    "dirty_data_strategy": "1",
    "resume_checkpoint": True,
    "resume_max_num": 4,
    "runtime_config": "a=b",
    "tm_cus": 3,
    "tm_slot_num": 2,
    "flink_version": "2.3",
    "operator_config": '{"operator_list":[]}',
    "static_estimator_config": "{}",
    "execution_agency_urn": "urn",
    "flink_log_config": "{}",
    "resource_config": ResourceConfig(max_slot=2),
    "resource_config_version": "v2",
}
NOT_OF_SQL_JOBS = {"checkpoint_path"}
NO_SETTINGS = {"name", "desc", "queue_name", "sql_body", "run_mode"}


def job_with(settings: Settings) -> Job:
    return Job(
        id=7,
        project_id="p",
        user_id="u",
        user_name="maria",
        type=JobType.OPENSOURCE_SQL,
        name="n",
        queue="default",
        created_at=1,
        updated_at=1,
        config=settings,
    )


def test_every_setting_of_a_body_reaches_the_job() -> None:
    assert set(GIVEN) == set(UpdateBody.__struct_fields__) - NO_SETTINGS
    merged = config.merged(Settings(), UpdateBody(**GIVEN))
    unchanged = {field.name for field in fields(Settings) if getattr(merged, field.name) == field.default}
    assert unchanged == NOT_OF_SQL_JOBS


@pytest.mark.parametrize("name", sorted(GIVEN))
def test_a_setting_changes_itself_alone(name: str) -> None:
    stored = replace(Settings(), cus=400)
    merged = config.merged(stored, UpdateBody(**{name: GIVEN[name]}))
    assert sum(getattr(merged, field.name) != getattr(stored, field.name) for field in fields(Settings)) == 1


def test_every_setting_of_a_job_is_shown() -> None:
    shown = config.answer(job_with(config.merged(Settings(), UpdateBody(**GIVEN))))
    expected = GIVEN | {"checkpoint_mode": "at_least_once", "resource_config": {"max_slot": 2}}
    assert {name: getattr(shown, name) for name in GIVEN} == expected
    assert shown.checkpoint_path == "obs://state/jobs/checkpoint/7/"


def test_a_checkpoint_path_is_shown_once_there_is_one() -> None:
    assert config.answer(job_with(Settings())).checkpoint_path is None
    assert config.answer(job_with(replace(Settings(), checkpoint_path="b12/x"))).checkpoint_path == "obs://b12/x/"


def test_the_official_sdk_knows_every_key_of_a_job_configuration() -> None:
    assert set(JobConfig.__struct_fields__) <= set(model.FlinkJobConfig.attribute_map.values()) | {
        "flink_log_config",
        "resource_config",
        "resource_config_version",
        "execution_agency_urn",
    }


@pytest.mark.parametrize(
    ("sdk", "read"),
    [
        (model.CreateFlinkSqlJobRequestBody, sql_jobs.CreateBody),
        (model.UpdateFlinkSqlJobRequestBody, sql_jobs.UpdateBody),
        (model.CreateFlinkJarJobRequestBody, jar_jobs.CreateBody),
        (model.UpdateFlinkJarJobRequestBody, jar_jobs.UpdateBody),
    ],
)
def test_the_official_sdk_sends_no_setting_that_is_not_read(sdk: Any, read: type[msgspec.Struct]) -> None:
    settable = {name for name in sdk.attribute_map.values() if name in JobConfig.__struct_fields__}
    assert settable <= set(read.__struct_fields__) | {"edge_group_ids"}


def test_answers_are_made_of_plain_json() -> None:
    shown = msgspec.json.decode(msgspec.json.encode(config.answer(job_with(Settings()))))
    assert list(shown) == list(JobConfig.__struct_fields__)
