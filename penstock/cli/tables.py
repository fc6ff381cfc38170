"""What a command shows: a table for people, or JSON for programs."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

Row = Mapping[str, Any]
Cell = str | Callable[[Row], str]
"""The name of a value, or what makes the text of a cell."""
Columns = Mapping[str, Cell]

_WIDE = 240
"""Columns when the output is no terminal: nobody's lines need to be broken then."""


def show(rows: Sequence[Row], columns: Columns, *, as_json: bool) -> None:
    if as_json:
        show_json(rows)
        return
    table = Table(box=None, pad_edge=False, header_style="bold")
    for title in columns:
        table.add_column(title, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_text(row, cell)) for cell in columns.values()))
    console = Console()
    if not console.is_terminal:
        console.width = _WIDE
    console.print(table)


def show_json(value: object) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def time(ms: int | None) -> str:
    """Write a time as people read it."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M:%S}" if ms else ""


def _text(row: Row, cell: Cell) -> str:
    if callable(cell):
        return cell(row)
    return "" if row[cell] is None else str(row[cell])
