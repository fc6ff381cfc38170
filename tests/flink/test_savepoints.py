"""What became of a savepoint, whoever knows it: Flink, the target folder, or the last look."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.domain.engine import SavepointFailed, SavepointRunning, SavepointState, SavepointWritten, Watched
from penstock.domain.job import SavepointRequest
from penstock.flink.buckets import Buckets
from penstock.flink.rest import FlinkRest
from penstock.flink.savepoints import PATIENCE_S, Savepoints
from tests.flink.conftest import Answers
from tests.flink.test_buckets import write_state

RUN = "0123456789abcdef" * 2
REQUEST = SavepointRequest("f" * 32, "obs://state/sp/", requested_at=1_000_000)
WRITTEN = SavepointWritten("obs://state/sp/savepoint-012345-1/")
RUNNING = '{"status": {"id": "IN_PROGRESS"}, "operation": null}'
FAILED = """
{"status": {"id": "COMPLETED"}, "operation": {"failure-cause": {"stack-trace": "java.io.IOException: disk full"}}}
"""


class Case:
    def __init__(self, flink_says: Answers, rest: FlinkRest, root: Path) -> None:
        self._flink_says = flink_says
        self._root = root
        self.now_s = 0.0
        self.savepoints = Savepoints(rest, Buckets(root), lambda: self.now_s)

    def flink_says(self, body: str, status: int = 200) -> None:
        self._flink_says.say(f"/jobs/{RUN}/savepoints/{REQUEST.trigger_id}", body, status)

    def something_is_at_the_target(self) -> None:
        write_state(self._root / "state" / "sp" / "savepoint-012345-1", at_s=1_000)

    def flink_makes_the_bucket(self) -> None:
        (self._root / "state").mkdir()

    def look(self, request: SavepointRequest = REQUEST, *, ended: bool = False) -> SavepointState | None:
        return self.savepoints.observe([Watched(RUN, request)], {RUN} if ended else ()).get(RUN)


@pytest.fixture
def case(flink_says: Answers, tmp_path: Path) -> Iterator[Case]:
    rest = FlinkRest(flink_says.url)
    yield Case(flink_says, rest, tmp_path)
    rest.close()


@pytest.mark.parametrize("ended", [False, True])
def test_what_flink_is_writing_is_running(case: Case, ended: bool) -> None:
    case.flink_says(RUNNING)
    assert case.look(ended=ended) == SavepointRunning()


def test_what_an_ended_run_has_written_is_written_even_if_flink_says_it_is_running(case: Case) -> None:
    case.flink_says(RUNNING)
    case.something_is_at_the_target()
    assert case.look(ended=True) == WRITTEN


def test_what_a_living_run_is_writing_is_not_trusted_before_flink_says_so(case: Case) -> None:
    case.flink_says(RUNNING)
    case.something_is_at_the_target()
    assert case.look() == SavepointRunning()


def test_a_trigger_that_flink_does_not_know_and_that_left_nothing_is_unknown(case: Case) -> None:
    assert case.look() is None


def test_a_trigger_that_flink_has_forgotten_is_known_by_what_it_wrote(case: Case) -> None:
    case.something_is_at_the_target()
    assert case.look() == WRITTEN


@pytest.mark.parametrize("ended", [False, True])
@pytest.mark.parametrize(("body", "status"), [("out of order", 500), ("{", 200)])
def test_what_lies_at_the_target_counts_when_flink_fails_to_say(
    case: Case, body: str, status: int, ended: bool
) -> None:
    case.flink_says(body, status)
    case.something_is_at_the_target()
    assert case.look(ended=ended) == WRITTEN


def test_what_was_known_last_counts_when_flink_fails_to_say_and_nothing_is_there(case: Case) -> None:
    case.flink_says(FAILED)
    assert case.look() == SavepointFailed("IOException: disk full")
    case.flink_says("out of order", 500)
    assert case.look() == SavepointFailed("IOException: disk full")
    assert case.look(ended=True) == SavepointFailed("IOException: disk full")


def test_a_trigger_is_not_called_unknown_because_flink_fails_to_say(case: Case) -> None:
    case.flink_says("out of order", 500)
    assert case.look() == SavepointRunning()


@pytest.mark.parametrize(("body", "status"), [("out of order", 500), (RUNNING, 200)])
def test_a_savepoint_that_an_ended_run_has_not_left_is_waited_for_only_so_long(
    case: Case, body: str, status: int
) -> None:
    case.flink_says(body, status)
    assert case.look(ended=True) == SavepointRunning()
    case.now_s = PATIENCE_S - 1
    assert case.look(ended=True) == SavepointRunning()
    case.now_s = PATIENCE_S
    assert case.look(ended=True) is None
    assert case.look(ended=True) is None
    case.something_is_at_the_target()
    assert case.look(ended=True) == WRITTEN


def test_a_savepoint_of_a_living_run_is_waited_for_whatever_flink_fails_to_say(case: Case) -> None:
    case.flink_says("out of order", 500)
    for case.now_s in (0, 2 * PATIENCE_S):
        assert case.look() == SavepointRunning()


@pytest.mark.parametrize("status", [404, 500])
def test_what_an_ended_run_has_left_is_not_called_lost_while_it_cannot_be_read(case: Case, status: int) -> None:
    case.flink_makes_the_bucket()
    unreadable = SavepointRequest(REQUEST.trigger_id, f"obs://state/{'a' * 300}/", 0)
    case.flink_says("{}", status)
    for case.now_s in (0, 2 * PATIENCE_S):
        assert case.look(unreadable, ended=True) == SavepointRunning()


def test_a_new_trigger_inherits_nothing_from_the_one_before(case: Case) -> None:
    case.flink_says(FAILED)
    case.look()
    assert case.look(SavepointRequest("e" * 32, REQUEST.target, REQUEST.requested_at)) is None


def test_a_target_that_cannot_be_looked_at_does_not_end_the_look(case: Case) -> None:
    assert case.look(SavepointRequest(REQUEST.trigger_id, "obs://No Bucket/", 0)) is None
    assert case.look(SavepointRequest(REQUEST.trigger_id, f"obs://state/{'a' * 300}/", 0)) is None
