"""What a run tells, by kind of fault and as a row of the page."""

from datetime import UTC, datetime
from pathlib import Path

from tests.real.chaos.crew import Trouble
from tests.real.chaos.judge import Wrong
from tests.real.chaos.report import HEAD, Episode, Report, append

EPISODES = [Episode("kill", 10, 0, 4.0), Episode("pause", 20, 3), Episode("kill", 30, 0, 9.0)]
TROUBLES = [Trouble(25, Wrong.LOST, "a", "gone"), Trouble(31, Wrong.DOUBLED, "b", "for 4 s")]
TOLD = Report(7, EPISODES, TROUBLES, checked=5, lines=900, refused=1)


def test_trouble_is_counted_for_the_last_fault_before_it() -> None:
    head, *rows = (line.split("  ") for line in str(TOLD).splitlines()[:4])
    table = {row[0].strip(): [cell.strip() for cell in row[1:] if cell.strip()] for row in rows}
    assert [cell.strip() for cell in head if cell.strip()][:4] == ["fault", "pulled", "lost", "doubled"]
    assert table == {
        "kill": ["2", "0", "1", "0", "0", "0", "0", "9.0 s"],
        "pause": ["1", "1", "0", "0", "0", "0", "0", "–"],
        "all": ["3", "1", "1", "0", "0", "0", "0", "9.0 s"],
    }


def test_the_row_of_the_page_has_the_whole_run() -> None:
    row = TOLD.line(datetime(2030, 1, 2, tzinfo=UTC), "abc1234")
    assert row == "| 2030-01-02 | abc1234 | 7 | 3: 2 kill, 1 pause | 5 | 900 | 1 | 1 | 0 | 0 | 0 | 0 | 9.0 s |"


def test_a_row_is_added_at_the_end_of_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Title\n\n{HEAD}\n|---|\n| an earlier run |\n")
    append(TOLD, page)
    *kept, row = page.read_text().splitlines()
    assert kept == ["# Title", "", HEAD, "|---|", "| an earlier run |"]
    assert row.endswith(" | 7 | 3: 2 kill, 1 pause | 5 | 900 | 1 | 1 | 0 | 0 | 0 | 0 | 9.0 s |")
    assert row.count("|") == HEAD.count("|")
