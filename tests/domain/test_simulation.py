import dataclasses
import os

import pytest

from tests.domain.simulation import Rules, World

WORLDS = int(os.environ.get("PENSTOCK_TEST_WORLDS", "3000"))


def test_no_world_loses_doubles_or_misreports_its_job() -> None:
    wrong = {seed: world.wrong for seed in range(WORLDS) if (world := World(seed).play()).wrong}
    assert wrong == {}, f"replay one with World(seed).play(): {wrong}"


def test_the_worlds_reach_every_status_that_a_job_can_have() -> None:
    ends = {World(seed).play().row.status.value for seed in range(300)}
    assert ends >= {
        "job_running",
        "job_running_exception",
        "job_submit_fail",
        "job_cancel_success",
        "job_cancel_fail",
        "job_finish",
    }


@pytest.mark.parametrize("rule", [field.name for field in dataclasses.fields(Rules)])
def test_taking_a_rule_away_goes_wrong(rule: str) -> None:
    broken = dataclasses.replace(Rules(), **{rule: False})
    assert any(World(seed, broken).play().wrong for seed in range(1500))
