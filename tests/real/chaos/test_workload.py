"""Lines of a job that was restored wrongly are told from those that are right."""

from itertools import accumulate
from pathlib import Path

import pytest

from tests.real.chaos.workload import Line, Workload


def lines_of(*numbers: int) -> list[Line]:
    places = range(1, len(numbers) + 1)
    return [Line(*each) for each in zip(places, numbers, accumulate(numbers), strict=True)]


def written(folder: Path, lines: list[Line]) -> Workload:
    folder.mkdir()
    text = [f"{line.place},{line.n},{line.total}\n" for line in lines]
    (folder / "part-1").write_text("".join(text[::2]))
    (folder / "part-2").write_text("".join(text[1::2]))
    (folder / ".part-3.inprogress").write_text("9,9,9\n")
    return Workload("a", folder, last=4)


def test_all_numbers_once_and_their_sums_are_right_in_whatever_order_they_came(tmp_path: Path) -> None:
    assert written(tmp_path / "in_order", lines_of(1, 2, 3, 4)).mistake(whole=True) is None
    assert written(tmp_path / "parallel", lines_of(2, 1, 4, 3)).mistake(whole=True) is None


@pytest.mark.parametrize(
    ("lines", "mistake"),
    [
        (lines_of(1, 2, 3), "3 lines of 4; None"),
        (lines_of(1, 2, 3, 4)[1:], "3 lines of 4; line 1 is missing"),
        ([*lines_of(1, 2, 3), *lines_of(1)], "line 1 is there twice"),
        ([*lines_of(1, 2, 3), Line(4, 4, 4)], "the sum in line 4 is 4, and should be 10"),
        (lines_of(1, 2, 3, 3), "a number is there twice"),
    ],
)
def test_lines_that_are_lost_doubled_or_counted_anew_are_told(
    tmp_path: Path, lines: list[Line], mistake: str
) -> None:
    assert written(tmp_path / "out", lines).mistake(whole=True) == mistake


def test_lines_that_are_there_twice_are_told_while_others_are_still_to_come(tmp_path: Path) -> None:
    assert written(tmp_path / "gap", lines_of(1, 2, 3)[1:]).twice() == []
    assert written(tmp_path / "twice", [*lines_of(1, 2, 3)[1:], *lines_of(1, 2)]).twice() == [2]


def test_a_job_that_was_stopped_may_have_written_any_number_of_lines_but_some(tmp_path: Path) -> None:
    assert written(tmp_path / "some", lines_of(1, 2)).mistake(whole=False) is None
    assert written(tmp_path / "none", []).mistake(whole=False) == "no line at all"
