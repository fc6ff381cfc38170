"""The tables in which results are told, on the screen and in `docs/benchmarks.md`."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median, quantiles


@dataclass(frozen=True)
class Table:
    title: str
    explanation: str
    """What was done, and what the reference is."""
    rows: Sequence[Sequence[str]]
    """The first holds the names of the columns."""

    def __str__(self) -> str:
        widths = [max(map(len, column)) for column in zip(*self.rows, strict=True)]
        head, *body = (_line(row, widths) for row in self.rows)
        rule = _line(["-" * width for width in widths], widths)
        return "\n".join([f"## {self.title}\n", f"{paragraph(self.explanation)}\n", head, rule, *body, ""])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return f"| {' | '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))} |"


def paragraph(text: str) -> str:
    return textwrap.fill(text, 116, break_on_hyphens=False)


def seconds(times: Sequence[float]) -> str:
    return f"{median(times):.2f} s"


def ratio(times: Sequence[float], references: Sequence[float]) -> str:
    """Give the median and the middle half of the ratios of pairs."""
    return spread([time / reference for time, reference in zip(times, references, strict=True)])


def spread(values: Sequence[float]) -> str:
    """Give the median and the middle half."""
    low, _, high = quantiles(values, n=4)
    return f"{median(values):.2f} ({low:.2f} to {high:.2f})"
