"""What is said of settings that take no effect where a job runs."""

import pytest

from penstock.domain import effects
from penstock.domain.effects import Site
from penstock.domain.job import JobConfig

SHARED, OWN = Site(), Site(has_own_clusters=True)
SIZES = "taskmanager.memory.process.size=4g"


@pytest.mark.parametrize("site", [SHARED, OWN])
def test_nothing_is_said_of_settings_that_take_effect(site: Site) -> None:
    assert effects.remarks(JobConfig(runtime_config="table.exec.mini-batch.enabled=true"), site) == ""


def test_keys_are_named_without_their_values() -> None:
    text = f"{SIZES}\nflink.dli.job.priority=s3cret\npipeline.name=s3cret\nkubernetes.jobmanager.cpu=s3cret"
    config = JobConfig(runtime_config=text)
    decided = "; of runtime_config other settings of the job decide pipeline.name"
    on_own = "of runtime_config nothing here acts on flink.dli.job.priority, kubernetes.jobmanager.cpu"
    assert effects.remarks(config, OWN) == on_own + decided
    assert effects.remarks(config, SHARED) == f"{on_own}, taskmanager.memory.process.size{decided}"


@pytest.mark.parametrize(
    ("config", "named"),
    [
        (JobConfig(cus=10, taskmanager_slots=2), "cu_number, tm_slot_num"),
        (JobConfig(manager_cus=2, cus=4, taskmanager_cus=2), "cu_number, manager_cu_number, tm_cus"),
        (JobConfig(resource_config={"max_slot": 2}, resource_config_version="v2"), "resource_config"),
    ],
)
def test_on_a_shared_cluster_sizes_only_count_for_admission(config: JobConfig, named: str) -> None:
    told = f"the jobs of this queue share a cluster: {named} count for admission, and size no process"
    assert effects.remarks(config, SHARED) == told
    assert effects.remarks(config, OWN) == ""


def test_log_levels_need_a_cluster_of_the_job_s_own() -> None:
    config = JobConfig(log_config='{"root_logger_level":"DEBUG"}')
    told = "the jobs of this queue share a cluster: flink_log_config has no effect"
    assert (effects.remarks(config, SHARED), effects.remarks(config, OWN)) == (told, "")


def test_resources_of_the_second_kind_count_only_with_their_version() -> None:
    told = "resource_config has no effect: resource_config_version is v1"
    assert effects.remarks(JobConfig(resource_config={"max_slot": 2}), OWN) == told


@pytest.mark.parametrize(("ttl", "is_told"), [(0, False), (1, True), (59, True), (60, False)])
def test_state_that_lives_less_than_a_minute_is_pointed_out(ttl: int, is_told: bool) -> None:
    told = f"idle_state_retention counts seconds: state that is not used for {ttl} s is forgotten"
    assert effects.remarks(JobConfig(state_ttl_s=ttl), OWN).startswith(told) is is_told


def test_where_the_retention_counts_hours_one_is_an_hour() -> None:
    site = Site(ttl_in_hours=True)
    assert effects.in_effect(JobConfig(state_ttl_s=1), site).state_ttl_s == 3600
    assert effects.remarks(JobConfig(state_ttl_s=1), site) == ""
    assert effects.in_effect(JobConfig(state_ttl_s=1), SHARED).state_ttl_s == 1


@pytest.mark.parametrize("strategy", [None, "0", "1"])
def test_dirty_records_are_skipped_only_where_the_operator_has_said_so(strategy: str | None) -> None:
    config = JobConfig(dirty_data_strategy=strategy)
    assert effects.in_effect(config, SHARED).dirty_data_strategy is None
    assert effects.in_effect(config, Site(skips_dirty_records=True)).dirty_data_strategy == strategy


def test_a_job_is_told_what_becomes_of_its_dirty_records() -> None:
    config, skipping = JobConfig(dirty_data_strategy="0"), Site(skips_dirty_records=True)
    assert effects.remarks(config, SHARED).startswith(
        "dirty_data_strategy 0 has no effect here: what a table cannot"
    )
    assert effects.remarks(config, skipping).startswith(
        "dirty_data_strategy 0: of what csv, json and protobuf cannot"
    )
    assert effects.remarks(JobConfig(dirty_data_strategy="1"), skipping) == ""


def test_a_remark_stays_short() -> None:
    text = "\n".join(f"flink.dli.{number}=v" for number in range(5000))
    assert len(effects.remarks(JobConfig(runtime_config=text), OWN)) <= 1000
