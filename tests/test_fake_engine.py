"""The fake keeps the real engine's promises."""

import itertools

import pytest

from penstock.domain.engine import (
    Ending,
    Engine,
    EngineUnavailable,
    Gone,
    Refused,
    SavepointFailed,
    Submit,
    TriggerSavepoint,
)
from penstock.domain.job import JarProgram, SavepointRequest
from tests.engine_contract import Case, EngineContract, Kind
from tests.fake_engine import FakeEngine, Program

PROGRAMS = {
    Kind.MAXIMA: Program(state="maxima"),
    Kind.SUMS: Program(state="sums"),
    Kind.BOUNDED: Program(finishes=True),
    Kind.FAILING: Program(failure="NumberFormatException: For input string: 'x'. Invalid character found."),
    Kind.JAR_WRONG: Program(refusal="main has returned without execute(): there is no job to run"),
    Kind.WRONG: Program(refusal="line 2, column 29: Object 'nowhere' not found"),
}


class FakeWorld:
    """A fake engine on a clock that moves with every look."""

    def __init__(self) -> None:
        clock = itertools.count(1_000)
        self.engine = FakeEngine(lambda: next(clock), PROGRAMS)

    def sql(self, kind: Kind, job_id: int) -> str:
        return kind

    def program(self, kind: Kind, job_id: int) -> JarProgram | None:
        return JarProgram(kind) if kind.name.startswith("JAR_") else None

    def away(self) -> Engine:
        self.engine.away = "connection refused"
        return self.engine

    def has_state(self, address: str) -> bool:
        return address in self.engine.states

    def produced(self, job_id: int) -> list[int]:
        return self.engine.produced.get(job_id, [])

    def no_savepoints(self, request: SavepointRequest) -> None:
        self.engine.savepoints_fail = "the savepoint cannot be written"


@pytest.fixture
def world() -> FakeWorld:
    return FakeWorld()


@pytest.fixture
def job_id() -> int:
    return 1


class TestFakeEngine(EngineContract):
    pass


def test_a_savepoint_is_refused_as_the_test_says(world: FakeWorld) -> None:
    case = Case(world, 1, Kind.NUMBERS).submit()
    case.until_running()
    world.engine.savepoints_refused = "no room"
    with pytest.raises(Refused, match="no room"):
        case.stop_with_savepoint()
    assert case.until_running()


def test_a_submission_that_got_no_answer_may_land_later(world: FakeWorld) -> None:
    case = Case(world, 1, Kind.NUMBERS)
    world.engine.holds_submissions = True
    with pytest.raises(EngineUnavailable):
        world.engine.perform(Submit(case.job))
    assert case.see() is None
    world.engine.land()
    assert case.until_running()


def test_a_run_is_gone_with_its_cluster_and_what_it_has_left_is_found(world: FakeWorld) -> None:
    case = Case(world, 1, Kind.NUMBERS).submit()
    newest = case.until(lambda seen: seen.checkpoint)
    newest = case.until(lambda seen: seen.checkpoint if seen.checkpoint != newest else None)
    world.engine.die("killed", planned=True)
    gone = case.look().runs[case.run_id]
    assert isinstance(gone, Gone)
    assert (gone.reason, gone.planned, gone.savepoint) == ("killed", True, None)
    assert gone.checkpoint is not None
    assert gone.checkpoint >= newest
    assert world.has_state(gone.checkpoint)


def test_a_submission_to_a_dead_cluster_never_lands(world: FakeWorld) -> None:
    case = Case(world, 1, Kind.NUMBERS)
    world.engine.die()
    with pytest.raises(EngineUnavailable, match="no more"):
        case.submit()
    assert world.engine.runs == {}


def test_a_savepoint_that_is_being_written_fails_as_the_run_ends(world: FakeWorld) -> None:
    case = Case(world, 1, Kind.NUMBERS).submit()
    case.until_running()
    world.engine.perform(TriggerSavepoint(case.run_id, case.ask_savepoint()))
    world.engine.end(case.run_id, Ending.FAILED, "boom")
    assert isinstance(case.until_ended().savepoint, SavepointFailed)
