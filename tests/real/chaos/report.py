"""What a run of the plug-puller found: on the screen by kind of fault, and as one row of docs/reliability.md."""

import subprocess
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.real.chaos.crew import Trouble
from tests.real.chaos.judge import Wrong

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "docs" / "reliability.md"
COLUMNS = ("date", "commit", "seed", "faults by kind", "jobs checked", "rows checked", *Wrong, "slowest recovery")
HEAD = f"| {' | '.join(COLUMNS)} |"


@dataclass(frozen=True)
class Episode:
    """One fault; `recovery_s` is None when the next one came before all was well again."""

    fault: str
    pulled_at: float
    held_s: float
    recovery_s: float | None = None

    def __str__(self) -> str:
        well = "the next came at once" if self.recovery_s is None else f"well after {self.recovery_s:.1f} s"
        return f"{self.fault}, held {self.held_s:.1f} s, {well}"


@dataclass(frozen=True)
class Report:
    seed: int
    episodes: Sequence[Episode]
    troubles: Sequence[Trouble]
    checked: int
    """Jobs whose output was compared."""
    lines: int
    refused: int

    def __str__(self) -> str:
        kinds = sorted({episode.fault for episode in self.episodes})
        rows = [("fault", "pulled", *Wrong, "slowest recovery"), *map(self._row, kinds), self._row(None)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        table = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
        told = [f"{each.wrong}: {each.job} {each.detail} ({self._cause(each)})" for each in self.troubles]
        checked = f"{self.checked} jobs with {self.lines} rows checked, {self.refused} refused at first"
        return "\n".join([*table, checked, *told])

    def line(self, when: datetime, commit: str) -> str:
        """Give the row of the page."""
        kinds = Counter(episode.fault for episode in self.episodes)
        by_kind = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
        told = (f"{when:%Y-%m-%d}", commit, self.seed, f"{len(self.episodes)}: {by_kind}", self.checked, self.lines)
        return f"| {' | '.join(map(str, (*told, *self._counts(None), _slowest(self.episodes))))} |"

    def _row(self, fault: str | None) -> tuple[str, ...]:
        """Give the numbers of one kind of fault, or of all."""
        episodes = [episode for episode in self.episodes if fault in (None, episode.fault)]
        return (fault or "all", str(len(episodes)), *self._counts(fault), _slowest(episodes))

    def _counts(self, fault: str | None) -> list[str]:
        counts = Counter(each.wrong for each in self.troubles if fault in (None, self._cause(each)))
        return [str(counts[wrong]) for wrong in Wrong]

    def _cause(self, trouble: Trouble) -> str:
        """Name the last fault that was pulled before; what is wrong before any is the first one's."""
        earlier = [episode for episode in self.episodes if episode.pulled_at <= trouble.at]
        return (earlier or list(self.episodes))[-1 if earlier else 0].fault


def append(told: Report, page: Path = PAGE) -> None:
    """Add a row to the page, which ends with the table."""
    command = ["git", "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()
    text = page.read_text()
    assert HEAD in text, f"{page.name} has no table with the head {HEAD}"
    page.write_text(f"{text.rstrip()}\n{told.line(datetime.now(UTC), commit)}\n")


def _slowest(episodes: Iterable[Episode]) -> str:
    times = [episode.recovery_s for episode in episodes if episode.recovery_s is not None]
    return f"{max(times):.1f} s" if times else "–"
