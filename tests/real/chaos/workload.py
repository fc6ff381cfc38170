"""Jobs on real Flink whose output can be checked to the row, however often they were killed and restored.

A job takes the numbers 1 to N from a source that remembers where it is, counts and sums them in an aggregate, and
writes a line for each into files that only a checkpoint makes visible. So there are two states to lose, and each
line tells of both: a restart from nothing, or from state that is too old, shows as a line that is there twice, and
from state that is too new as one that is missing.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

SQL = """\
CREATE TABLE numbers (n BIGINT, seen_at AS PROCTIME()) WITH (
  'connector' = 'datagen', 'rows-per-second' = '{per_second}',
  'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{last}'
);
CREATE TABLE lines (place BIGINT, n BIGINT, total BIGINT) WITH (
  'connector' = 'filesystem', 'path' = '{folder}', 'format' = 'csv',
  'sink.rolling-policy.rollover-interval' = '1 s', 'sink.rolling-policy.check-interval' = '1 s'
);
INSERT INTO lines
SELECT COUNT(*) OVER seen, n, SUM(n) OVER seen FROM numbers
WINDOW seen AS (ORDER BY seen_at ROWS UNBOUNDED PRECEDING);
"""
SETTINGS: dict[str, Any] = {
    "checkpoint_enabled": True,
    "checkpoint_interval": 1,
    "restart_when_exception": True,
    "resume_checkpoint": True,
}


@dataclass(frozen=True, order=True)
class Line:
    """What the job knew when it saw `n`: how many numbers there were until then, and their sum."""

    place: int
    n: int
    total: int


@dataclass(frozen=True)
class Workload:
    """One job; with a parallelism above 1 the order of the numbers is Flink's, and all else is as certain."""

    name: str
    folder: Path
    last: int
    per_second: int = 20
    parallelism: int = 1
    queue: str = "default"

    def fields(self) -> dict[str, Any]:
        """Give the fields of the call that creates it."""
        sql = SQL.format(per_second=self.per_second, last=self.last, folder=self.folder.as_uri())
        parallel = {"parallel_number": self.parallelism, "cu_number": self.parallelism + 1}
        return {"name": self.name, "queue_name": self.queue, "sql_body": sql, **SETTINGS, **parallel}

    def lines(self) -> list[Line]:
        """Read what checkpoints have made final, in the order in which the job saw it."""
        return sorted(_line(text) for file in self._final() for text in file.read_text().splitlines())

    def files(self) -> int:
        """Count the files that are final: while the job goes on there are ever more."""
        return len(list(self._final()))

    def twice(self) -> list[int]:
        """Say which lines are there more than once, which is wrong at any time."""
        return [line for line, times in Counter(line.place for line in self.lines()).items() if times > 1]

    def mistake(self, *, whole: bool) -> str | None:
        """Say what is wrong with the lines of a job that has ended by itself (`whole`) or with a savepoint."""
        lines = self.lines()
        if whole and len(lines) != self.last:
            return f"{len(lines)} lines of {self.last}; {mistake(lines)}"
        return mistake(lines) if lines else "no line at all"

    def _final(self) -> Iterator[Path]:
        return self.folder.glob("part-*")  # the others begin with a dot


def mistake(lines: Iterable[Line]) -> str | None:
    """Say which is the first line that is not as it must be, or None."""
    lines = sorted(lines)
    totals = accumulate(line.n for line in lines)
    for place, (line, total) in enumerate(zip(lines, totals, strict=True), start=1):
        if line.place != place:
            return f"line {line.place} is there twice" if line.place < place else f"line {place} is missing"
        if line.total != total:
            return f"the sum in line {place} is {line.total}, and should be {total}"
    return None if len({line.n for line in lines}) == len(lines) else "a number is there twice"


def _line(text: str) -> Line:
    return Line(*map(int, text.split(",")))
