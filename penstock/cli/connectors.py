"""`penstock connectors`: on the engine cache itself, whether a service runs or not."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from penstock.cli import progress, tables
from penstock.cli.failure import fail
from penstock.flink import connectors, maven, python_home
from penstock.flink.distribution import InstallFailed
from penstock.settings import Settings


def _state(row: tables.Row) -> str:
    if not row["installed"]:
        return "no"
    return "yes" if row["current"] else "another release; add it again to renew it"


_COLUMNS: tables.Columns = {
    "name": "name",
    "provides": lambda row: ", ".join(row["provides"]),
    "for": "purpose",
    "version": lambda row: row["version"] or f"none: {row['without']}",
    "installed": _state,
    "lines": lambda row: ", ".join(row["lines"]),
}
_WHAT_NEXT = "a service that runs takes it up by itself: it moves its jobs to a new cluster"


def show_list(settings: Settings, line: str | None, *, as_json: bool) -> None:
    line = _line(line)
    rows = [_row(name, line, settings.cache_dir) for name in connectors.table()]
    tables.show(rows, _COLUMNS, as_json=as_json)


def add(settings: Settings, names: Sequence[str], line: str | None, folder: Path | None) -> None:
    """Install by name, from a repository or from a folder of jars."""
    line = _line(line)
    downloads = progress.Downloads(Console(stderr=True), print)
    bring = connectors.from_folder(folder) if folder else partial(maven.fetch, progress=downloads)
    install = partial(python_home.install, progress=downloads, wheels=folder)
    for name in names:
        try:
            connectors.add(name, line, settings.cache_dir, bring, install)
        except InstallFailed as error:
            fail(str(error))
        print(f"{name} {connectors.table()[name].version(line)} is installed for Flink {line}")
    print(_WHAT_NEXT)


def remove(settings: Settings, names: Sequence[str], line: str | None) -> None:
    line = _line(line)
    for name in names:
        try:
            connectors.remove(name, line, settings.cache_dir)
        except InstallFailed as error:
            fail(str(error))
        print(f"removed {name} for Flink {line}")
    print(_WHAT_NEXT)


def _line(line: str | None) -> str:
    known = connectors.lines()
    if line is not None and line not in known:
        fail(f"there are no connectors for Flink {line}, only for {', '.join(known)}")
    return line or known[0]


def _row(name: str, line: str, cache: Path) -> dict[str, object]:
    each = connectors.table()[name]
    jars = [{"coordinates": jar.coordinates, "sha256": jar.sha256} for jar in each.lines.get(line, ())]
    return {
        "name": name,
        "provides": each.provides,
        "purpose": each.purpose,
        "version": each.version(line),
        "without": each.without.get(line),
        "installed": name in connectors.installed(line, cache),
        "current": connectors.is_current(name, line, cache),
        "lines": sorted(each.lines, reverse=True),
        "jars": jars,
    }
