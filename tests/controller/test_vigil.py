"""When a cluster whose processes live is taken to hang."""

import pytest

from penstock.controller.vigil import Limits, Vigil

LIMITS = Limits(silent_s=60, alone_s=40, start_s=90)
SILENT = "Flink has not answered for 60 s although its processes live"
ALONE = "no TaskManager has been registered for 40 s although its process lives"


def heard(*answers: tuple[float, int | None]) -> list[str | None]:
    """Give what is said after each answer, of a cluster that has had slots in second 0."""
    vigil = Vigil(0, LIMITS)
    vigil.note(8, 0)
    return [vigil.note(slots, at) for at, slots in answers]


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ([(20, None), (40, None), (59, None)], None),
        ([(20, None), (40, None), (60, None)], SILENT),
        ([(20, None), (40, 8), (60, None), (80, None)], None),
        ([(20, 0), (39, 0)], None),
        ([(20, 0), (40, 0)], ALONE),
        ([(20, 0), (30, 8), (50, 0)], None),
        ([(20, 0), (40, None), (60, 0)], ALONE),
    ],
)
def test_a_cluster_hangs_when_it_was_silent_or_without_slots_for_too_long(
    answers: list[tuple[float, int | None]], said: str | None
) -> None:
    assert heard(*answers)[-1] == said


def test_a_service_that_was_paused_itself_does_not_take_that_for_silence() -> None:
    assert heard((5, None), (1000, None), (1001, 8)) == [None, None, None]


@pytest.mark.parametrize("answer", [None, 0])
def test_a_cluster_that_starts_is_given_more_time(answer: int | None) -> None:
    vigil = Vigil(0, LIMITS)
    said = [vigil.note(answer, at) for at in (30, 60, 89, 90)]
    assert said[:3] == [None] * 3
    assert said[3] is not None
