import os
from collections import Counter
from dataclasses import replace

import pytest

from penstock.controller.reconcile import Reconciler
from penstock.domain.history import Actor
from penstock.domain.job import Job
from penstock.store import jobs
from penstock.store.database import Database
from tests.simulation.processes import Plant

PLANTS = int(os.environ.get("PENSTOCK_TEST_PLANTS", "100"))
CARELESS = 40


@pytest.fixture(scope="module")
def plants(database: Database, database_url: str, module_project: str) -> list[Plant]:
    count = PLANTS if database_url.startswith("sqlite") else PLANTS // 4
    return [Plant(seed, database, database_url, module_project).play() for seed in range(count)]


def test_each_running_row_has_one_live_run_whatever_crashes(plants: list[Plant]) -> None:
    wrong = {seed: plant.wrong for seed, plant in enumerate(plants) if plant.wrong}
    assert wrong == {}


def test_the_plants_have_every_kind_of_trouble_and_reach_many_ends(plants: list[Plant]) -> None:
    ends = Counter(row.status.value for plant in plants for row in plant.rows())
    assert ends.keys() >= {"job_running", "job_cancel_success", "job_finish", "job_running_exception"}
    for kind in ("crashes", "pauses", "deaths", "moves"):
        assert sum(getattr(plant, kind) for plant in plants) >= len(plants) // 10, kind


class Careless(Reconciler):
    """Writes over whatever others have written since it has read the row."""

    def _record(self, before: Job, after: Job, by: Actor, remark: str) -> bool:
        with self.database.read() as tx:
            version = jobs.get_any(tx, before.id).version
        return super()._record(replace(before, version=version), after, by, remark)


def test_writes_that_do_not_name_the_version_they_read_are_noticed(
    database: Database, database_url: str, module_project: str
) -> None:
    if not database_url.startswith("sqlite"):
        pytest.skip("what is noticed does not depend on the database")
    seeds = range(1_000_000, 1_000_000 + CARELESS)
    careless = [Plant(seed, database, database_url, module_project, Careless).play() for seed in seeds]
    assert sum(bool(plant.wrong) for plant in careless) >= CARELESS // 8
