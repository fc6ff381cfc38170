import os
from collections.abc import Sequence

import pytest

from tests.domain import mutations, simulation
from tests.domain.simulation import Outcome
from tests.domain.world import World

WORLDS = int(os.environ.get("PENSTOCK_TEST_WORLDS", "20000"))
MUTATED_WORLDS, ENOUGH = 5000, 3
"""A mutation goes wrong as foretold in so many of these worlds, so that it is no luck."""


@pytest.fixture(scope="module")
def outcomes() -> Sequence[Outcome]:
    return list(simulation.play_all(WORLDS))


@pytest.fixture(scope="module")
def caught() -> Sequence[list[int]]:
    return list(simulation.catch_all(MUTATED_WORLDS, ENOUGH))


def test_no_world_loses_doubles_or_misreports_its_job(outcomes: Sequence[Outcome]) -> None:
    wrong = [str(outcome) for outcome in outcomes if outcome.wrong]
    assert wrong == [], "replay one with World(seed).play()"


def test_the_worlds_reach_every_end_that_a_life_can_have(outcomes: Sequence[Outcome]) -> None:
    assert {outcome.ended.value for outcome in outcomes} >= {
        "job_running",
        "job_running_exception",
        "job_submit_fail",
        "job_cancel_success",
        "job_cancel_fail",
        "job_finish",
    }


def test_a_world_is_made_from_its_seed_alone() -> None:
    assert World(7).play().row == World(7).play().row


@pytest.mark.parametrize("number", range(len(mutations.ALL)), ids=lambda number: mutations.ALL[number].name)
def test_what_is_mutated_goes_wrong_as_foretold(caught: Sequence[list[int]], number: int) -> None:
    assert len(caught[number]) == ENOUGH, f"of {MUTATED_WORLDS} worlds only {caught[number]}"
