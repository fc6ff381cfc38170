import os
from collections import Counter

import pytest

from penstock.store.database import Database
from tests.simulation.processes import Plant

PLANTS = int(os.environ.get("PENSTOCK_TEST_PLANTS", "100"))


@pytest.fixture(scope="module")
def plants(database: Database, database_url: str, module_project: str) -> list[Plant]:
    return [Plant(seed, database, database_url, module_project).play() for seed in range(PLANTS)]


def test_each_running_row_has_one_live_run_whatever_crashes(plants: list[Plant]) -> None:
    wrong = {seed: plant.wrong for seed, plant in enumerate(plants) if plant.wrong}
    assert wrong == {}


def test_the_plants_crash_often_and_reach_many_ends(plants: list[Plant]) -> None:
    ends = Counter(row.status.value for plant in plants for row in plant.rows())
    assert sum(plant.crashes for plant in plants) >= PLANTS
    assert ends.keys() >= {"job_running", "job_cancel_success", "job_finish", "job_running_exception"}
