"""The coverage page: what the Listing Jobs page asks for, and which tests prove it here.

The rows are in `coverage.toml`. A test proves a row by `@pytest.mark.covers("C6")`; pytest itself says which tests
there are and what they carry, and runs none of them. Where a row speaks of what Flink does, a test that has none
does not prove it.
"""

import contextlib
import io
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
_FROM_PAGE_TO_ROOT = "../.."
_HEAD = """\
# Coverage of the Listing Jobs page

{rows} rows: {proven} proven, {open} open. A row is proven by the tests that it links to. A row is *open* when no
test covers it, when a part of it is missing, or when it speaks of what Flink does and was not shown on a real one.
"""
_TABLE_HEAD = "| | item | what is true here | proof |\n|---|---|---|---|"


class BadMarker(Exception):
    """The tests cannot be read, or a marker names a row that does not exist."""


@dataclass(frozen=True)
class Row:
    id: str
    item: str
    truth: str
    missing: str = ""
    needs_flink: bool = False

    def lacks(self, proofs: Iterable["Proof"]) -> str | None:
        """Say why these do not prove the row; None when they do."""
        proofs = list(proofs)
        if self.missing or not proofs:
            return self.missing
        on_flink = any(proof.on_flink for proof in proofs)
        return "not shown on a real Flink" if self.needs_flink and not on_flink else None


@dataclass(frozen=True, order=True)
class Proof:
    """A test: its file below the root, its name, and whether it needs a real Flink."""

    file: str
    name: str
    on_flink: bool


class _Collector:
    def __init__(self) -> None:
        self.items: list[pytest.Item] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self.items = session.items


def page() -> str:
    """Write the page; raises `BadMarker`."""
    return render(sections(), collect())


def sections() -> dict[str, list[Row]]:
    """Read the rows, by the title of their section."""
    content = tomllib.loads((ROOT / "docs" / "coverage.toml").read_text())
    return {f"{letter}. {section['title']}": list(_rows(section)) for letter, section in content.items()}


def _rows(section: Mapping[str, Any]) -> Iterator[Row]:
    on_flink = section.get("on_flink", [])
    for id_, (item, truth, *missing) in section["rows"].items():
        yield Row(id_, item, truth, "".join(missing), id_ in on_flink)


def collect() -> dict[str, set[Proof]]:
    """Ask pytest for every marked test, by the row that it proves; raises `BadMarker`."""
    collector, told = _Collector(), io.StringIO()
    options = ["--collect-only", "--quiet", "-p", "no:cacheprovider", "--rootdir", str(ROOT)]
    with contextlib.redirect_stdout(told), contextlib.redirect_stderr(told):
        code = pytest.main([*options, "-c", str(ROOT / "pyproject.toml"), str(ROOT / "tests")], plugins=[collector])
    if code != pytest.ExitCode.OK:
        raise BadMarker(f"pytest cannot collect the tests:\n{told.getvalue()}")
    proofs = defaultdict(set)
    for item in collector.items:
        for marker in item.iter_markers("covers"):
            for row in marker.args:
                proofs[row].add(_proof(item))
    return dict(proofs)


def render(rows_by_section: Mapping[str, Iterable[Row]], proofs: Mapping[str, set[Proof]]) -> str:
    """Lay out the page; raises `BadMarker`."""
    rows = [row for section in rows_by_section.values() for row in section]
    unknown = sorted(set(proofs) - {row.id for row in rows})
    if unknown:
        tests = ", ".join(sorted(proof.name for row in unknown for proof in proofs[row]))
        raise BadMarker(f"there is no row {', '.join(unknown)} in docs/coverage.toml; it is named by {tests}")
    proven = sum(row.lacks(proofs.get(row.id, ())) is None for row in rows)
    parts = [_HEAD.format(rows=len(rows), proven=proven, open=len(rows) - proven)]
    for title, section in rows_by_section.items():
        lines = [_line(row, sorted(proofs.get(row.id, ()))) for row in section]
        parts.append("\n".join([f"## {title}\n", _TABLE_HEAD, *lines]) + "\n")
    return "\n".join(parts)


def _line(row: Row, proofs: list[Proof]) -> str:
    lack = row.lacks(proofs)
    state = [] if lack is None else [f"*open*: {lack}" if lack else "*open*"]
    links = "; ".join(_link(proof) for proof in proofs)
    return f"| {row.id} | {row.item} | {row.truth} | {'<br>'.join([*state, links] if links else state)} |"


def _link(proof: Proof) -> str:
    sentence = proof.name.removeprefix("test_").replace("_", " ")
    return f"[{sentence}]({_FROM_PAGE_TO_ROOT}/{proof.file}){' (real Flink)' if proof.on_flink else ''}"


def _proof(item: pytest.Item) -> Proof:
    name = getattr(item, "originalname", None) or item.name
    on_flink = item.get_closest_marker("flink") is not None
    return Proof(item.path.relative_to(ROOT).as_posix(), name, on_flink)
