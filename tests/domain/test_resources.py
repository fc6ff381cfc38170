"""What a job takes of its queue."""

import json
from typing import Any

import pytest

from penstock.domain import resources
from penstock.domain.job import Goal, JobConfig, Run
from penstock.domain.resources import Need
from tests.domain.cases import job

covers = pytest.mark.covers


def operators(*parallelism: int) -> str:
    listed = [{"id": f"op{number}", "parallelism": each} for number, each in enumerate(parallelism)]
    return json.dumps({"operator_list": listed})


def test_operators_of_their_own_parallelism_leave_that_of_the_others_alone() -> None:
    assert resources.parallelism(JobConfig(parallelism=2, operator_config=operators(5))) == 2


@covers("E9")
@covers("E28")
@pytest.mark.parametrize(
    ("config", "need"),
    [
        ({}, Need(2, 1)),
        ({"cus": 10, "manager_cus": 2, "taskmanager_cus": 2, "parallelism": 8}, Need(10, 8)),
        ({"cus": 10, "manager_cus": 1, "taskmanager_cus": 2}, Need(9, 1)),
        ({"cus": 10, "taskmanager_cus": 2, "taskmanager_slots": 4, "parallelism": 4}, Need(3, 4)),
        ({"cus": 10, "taskmanager_cus": 2, "taskmanager_slots": 4, "parallelism": 5}, Need(5, 5)),
        ({"cus": 2, "taskmanager_slots": 1, "parallelism": 6}, Need(7, 6)),
        ({"resource_config": {"parallel_number": 9}}, Need(2, 1)),
        ({"cus": 10, "taskmanager_slots": 1, "parallelism": 2, "operator_config": operators(1, 5)}, Need(6, 5)),
        ({"cus": 10, "taskmanager_slots": 1, "parallelism": 2, "operator_config": operators(1)}, Need(3, 2)),
    ],
)
def test_a_job_takes_its_manager_and_the_taskmanagers_that_its_slots_ask_for(
    config: dict[str, Any], need: Need
) -> None:
    assert resources.need(JobConfig(**config)) == need


@pytest.mark.parametrize(
    ("given", "need"),
    [
        (None, Need(4, 3)),
        ({"parallel_number": 2}, Need(3, 2)),
        ({"parallel_number": 5, "max_slot": 2}, Need(4, 5)),
        ({"taskmanager_resource_spec": {"cpu": 0.5}}, Need(4, 3)),
        ({"taskmanager_resource_spec": {"cpu": 0.5, "memory": "2 GB"}}, Need(3, 3)),
        ({"taskmanager_resource_spec": {"memory": "6144MB"}}, Need(6, 3)),
        ({"jobmanager_resource_spec": {"cpu": 1.1}, "taskmanager_resource_spec": {"cpu": 1.3}}, Need(5, 3)),
        ({"jobmanager_resource_spec": {"memory": "8"}}, Need(5, 3)),
    ],
)
def test_by_specification_the_larger_of_cores_and_memory_counts(
    given: dict[str, object] | None, need: Need
) -> None:
    config = JobConfig(resource_config_version="v2", resource_config=given, cus=50, parallelism=3)
    assert resources.need(config) == need


@pytest.mark.parametrize(
    ("goal", "run", "held"),
    [
        (Goal.REST, None, 0),
        (Goal.RUN, None, 0),
        (Goal.RUN, Run("r", submit_at=0), 4),
        (Goal.WATCH, Run("r", submit_at=0), 4),
    ],
)
def test_a_job_holds_cus_from_its_admission_to_its_end(goal: Goal, run: Run | None, held: int) -> None:
    assert resources.held(job(goal=goal, run=run, config=JobConfig(cus=4))) == held


@pytest.mark.parametrize(
    ("text", "mebibytes"), [("2", 2048), ("2 GB", 2048), ("2g", 2048), (" 2048 MB", 2048), ("1.5G", 1536)]
)
def test_a_size_of_memory_is_read(text: str, mebibytes: float) -> None:
    assert resources.mebibytes(text) == mebibytes


@pytest.mark.parametrize("text", ["", "GB", "2 TB", "-2", "2  GB"])
def test_any_other_text_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="is no size of memory"):
        resources.mebibytes(text)
