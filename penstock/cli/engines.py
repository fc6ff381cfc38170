"""`penstock engines`: the Flinks in the cache folder, whether a service runs or not."""

from pathlib import Path

from rich.console import Console

from penstock.cli import progress, tables
from penstock.cli.failure import fail
from penstock.domain import lines
from penstock.domain.errors import Invalid
from penstock.flink import distribution, processes

_COLUMNS: tables.Columns = {
    "line": lambda row: row["line"] + (" (default)" if row["default"] else ""),
    "release": "release",
    "installed": lambda row: "yes" if row["installed"] else "no",
    "serves": lambda row: ", ".join(row["serves"]),
}


def show_list(cache: Path, *, as_json: bool) -> None:
    rows = [
        {
            "line": line,
            "release": release,
            "installed": distribution.installed(release, cache) is not None,
            "default": line == lines.DEFAULT,
            "serves": [line, *lines.aliases(line)],
        }
        for line, release in lines.RELEASES.items()
    ]
    tables.show(rows, _COLUMNS, as_json=as_json)


def install(cache: Path, version: str) -> None:
    line, console = _line(version), Console(stderr=True)
    try:
        home = distribution.install(lines.RELEASES[line], cache, progress.Downloads(console, console.print))
    except distribution.InstallFailed as error:
        fail(str(error))
    print(f"Flink {home.version} is installed; it serves {', '.join([line, *lines.aliases(line)])}")


def remove(cache: Path, line: str) -> None:
    if line not in lines.RELEASES:
        fail(f"name one of {', '.join(lines.RELEASES)}")
    release = lines.RELEASES[line]
    home = distribution.installed(release, cache)
    if home is not None and (using := processes.naming(str(home.lib))):
        pids = ", ".join(str(process.pid) for process in using)
        fail(f"Flink {release} runs (processes {pids}): stop its jobs and end its clusters first")
    try:
        was_there = distribution.remove(release, cache)
    except distribution.InstallFailed as error:
        fail(str(error))
    print(f"removed Flink {release}" if was_there else f"Flink {release} is not installed")


def _line(version: str) -> str:
    try:
        return lines.line_of(version, lines.DEFAULT)
    except Invalid as error:
        fail(str(error).replace("flink_version", "the line", 1))
