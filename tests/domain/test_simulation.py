import itertools
import os
from collections.abc import Iterator

import pytest

from tests.domain import mutations
from tests.domain.mutations import Mutation
from tests.domain.simulation import World

WORLDS = int(os.environ.get("PENSTOCK_TEST_WORLDS", "1500"))
MUTATED_WORLDS, ENOUGH = 1500, 5
"""A mutation goes wrong as foretold in so many of these worlds, so that it is no luck."""


def test_no_world_loses_doubles_or_misreports_its_job() -> None:
    wrong = {seed: world.wrong for seed in range(WORLDS) if (world := World(seed).play()).wrong}
    assert wrong == {}, f"replay one with World(seed).play(): {wrong}"


def test_the_worlds_reach_every_end_that_a_life_can_have() -> None:
    ends = {World(seed).play().row.status.value for seed in range(300)}
    assert ends >= {
        "job_running",
        "job_running_exception",
        "job_submit_fail",
        "job_cancel_success",
        "job_cancel_fail",
        "job_finish",
    }


def test_a_world_is_made_from_its_seed_alone() -> None:
    assert World(7).play().row == World(7).play().row


@pytest.mark.parametrize("mutation", mutations.RULES + mutations.OTHERS, ids=lambda mutation: mutation.name)
def test_what_is_mutated_goes_wrong_as_foretold(mutation: Mutation) -> None:
    found = list(itertools.islice(_seeds_that_go_wrong(mutation), ENOUGH))
    assert len(found) == ENOUGH, f"of {MUTATED_WORLDS} worlds only {found}"


def _seeds_that_go_wrong(mutation: Mutation) -> Iterator[int]:
    return (seed for seed in range(MUTATED_WORLDS) if World(seed, mutation).play().wrong & mutation.leads_to)
