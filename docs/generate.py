"""Write the pages of docs/reference anew: python -m docs.generate [--check]

With --check nothing is written, and a page that is not what the code and the tests say is an error.
"""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from docs import coverage
from penstock.domain import calls
from penstock.domain.errors import NotAllowed
from penstock.domain.job import Job, JobType, SavepointRequest, Status
from penstock.flink import connectors
from penstock.settings import PREFIX, Settings, description

REFERENCE = Path(__file__).parent / "reference"

# --- settings ---

_SETTINGS_HEAD = """\
# Settings

Each is an option of `penstock serve` and a variable of the environment; the option wins. `penstock stop`, `env` and
`demo`, and the commands on the data directory, take those of these options that they need, and read the same
variables.

| option | variable | type | default | what it does |
|---|---|---|---|---|
"""
_MACHINE_DEFAULTS = {
    "data_dir": "the user's data folder (Linux: `~/.local/share/penstock`)",
    "cache_dir": "the user's cache folder (Linux: `~/.cache/penstock`)",
    "queue_slots": "8 for each processor",
    "queue_cus": "twice `--queue-slots`",
}
"""Defaults that differ between machines, which the page cannot hold."""


def settings_page() -> str:
    kinds = get_type_hints(Settings, include_extras=True)
    rows = [_setting(field.name, kinds[field.name], field.default) for field in fields(Settings)]
    return _SETTINGS_HEAD + "\n".join(rows) + "\n"


def _setting(name: str, kind: object, default: object) -> str:
    option, variable = f"`--{name.replace('_', '-')}`", f"`{PREFIX}{name.upper()}`"
    return _cells(option, variable, _type_name(kind), _default(name, default), description(kind))


def _default(name: str, default: object) -> str:
    if name in _MACHINE_DEFAULTS:
        return _MACHINE_DEFAULTS[name]
    return "–" if default is None else f"`{str(default).lower() if isinstance(default, bool) else default}`"


def _type_name(kind: Any) -> str:
    if get_origin(kind) is Annotated:
        kind = get_args(kind)[0]
    if isinstance(kind, UnionType):
        kind = next(each for each in get_args(kind) if each is not NoneType)
    return {bool: "true or false", int: "integer", str: "text"}.get(kind) or str(kind.__name__).lower()


# --- allowed calls ---

_CALLS_HEAD = """\
# Which call is allowed in which status

A call that a status forbids is answered for that job with 400 `DLI.0007`, and changes nothing. *Change a little*
means the settings that a restart obeys: `smn_topic`, `obs_bucket`, `restart_when_exception`, `resume_checkpoint`,
`resume_max_num`; values equal to the stored ones do not count as a change. *Be covered* means by an
[import](../how-to/export-and-import.md) with `is_cover`. [The life of a job](../lifecycle.md)
says what each status means.

"""
_TRIED: Mapping[str, Callable[[Job], object]] = {
    "run": lambda job: calls.request_run(job, resume=False, now=1),
    "stop": lambda job: calls.request_stop(job, savepoint=None, now=1),
    "stop with savepoint": lambda job: calls.request_stop(job, savepoint=SavepointRequest("", "", 1), now=1),
    "savepoint": lambda job: calls.request_savepoint(job, SavepointRequest("", "", 1)),
    "import a savepoint": lambda job: calls.request_import(job, ""),
    "change": lambda job: calls.request_update(job, replace(job, sql="another"), 1),
    "change a little": lambda job: calls.request_update(job, _with_restarts(job), 1),
    "be covered": lambda job: calls.request_replacement(job, job),
    "delete": lambda job: calls.request_delete(job, 1),
}


def calls_page() -> str:
    """Try every call on a job in every status."""
    lines = [_cells("status", *_TRIED), "|---" * (1 + len(_TRIED)) + "|"]
    for status in Status:
        job = Job(1, "", "", "", JobType.SQL, "", "", created_at=0, updated_at=0, status=status)
        lines.append(_cells(f"`{status}`", *("yes" if _is_allowed(call, job) else "–" for call in _TRIED.values())))
    return _CALLS_HEAD + "\n".join(lines) + "\n"


def _with_restarts(job: Job) -> Job:
    return replace(job, config=replace(job.config, restart_on_failure=True))


def _is_allowed(call: Callable[[Job], object], job: Job) -> bool:
    try:
        call(job)
    except NotAllowed:
        return False
    return True


def _cells(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


# --- connectors ---

_CONNECTORS_HEAD = """\
# Connectors, formats and Python

What `penstock connectors add` installs, by name and by line of Flink. Each jar is pinned by its hash. A cluster
of that line, with all the others installed too, has started a job for everything that a name provides.
[How to install them](../how-to/connectors.md) says more, and so does a page on
[functions in Python](../how-to/python-udfs.md), which bring 120 MB of packages beside the jar.

"""


def connectors_page() -> str:
    lines = connectors.lines()
    rows = [_cells("name", "for", "a script names", *(f"on Flink {line}" for line in lines))]
    rows.append("|---" * (3 + len(lines)) + "|")
    without: list[str] = []
    jars: list[str] = []
    for name, each in connectors.table().items():
        versions = (f"{version}" if (version := each.version(line)) else "–" for line in lines)
        rows.append(_cells(f"`{name}`", each.purpose, ", ".join(map(_named, each.provides)), *versions))
        without += [f"- `{name}` on Flink {line}: {why}" for line, why in each.without.items()]
        for line, artifacts in each.lines.items():
            size = sum(jar.size for jar in artifacts) / 1e6
            listed = "<br>".join(f"`{jar.coordinates}`" for jar in artifacts)
            jars.append(_cells(f"`{name}`", line, listed, f"{size:.1f} MB"))
    gaps = ["", "## What does not work", "", *without] if without else []
    head = ["", "## The jars", "", _cells("name", "line", "coordinates", "size"), "|---" * 4 + "|"]
    return _CONNECTORS_HEAD + "\n".join([*rows, *gaps, *head, *jars]) + "\n"


def _named(provided: str) -> str:
    """Write what a script says to use it."""
    kind, _, what = provided.partition(" ")
    written = {
        "connector": f"'connector' = '{what}'",
        "format": f"'format' = '{what}'",
        "scheme": f"{what}://…",
        "database": f"jdbc:{what}:…",
        "language": f"LANGUAGE {what}",
    }
    return f"`{written[kind]}`"


# --- operations ---


def operations_page() -> str:
    from penstock.server import app, openapi, reference  # after pytest, which wants to see its plugins first

    return reference.page(openapi.document(app.OPERATIONS))


def permissions_page() -> str:
    from docs import permissions  # likewise
    from penstock.server import app

    return permissions.page(app.OPERATIONS)


# --- all pages ---

PAGES: Mapping[str, Callable[[], str]] = {
    "settings.md": settings_page,
    "calls.md": calls_page,
    "connectors.md": connectors_page,
    "coverage.md": coverage.page,
    "operations.md": operations_page,
    "permissions.md": permissions_page,
}


def stale(pages: Mapping[Path, str]) -> list[Path]:
    """Give the files that do not hold what they should."""
    return [file for file, text in pages.items() if not file.is_file() or file.read_text() != text]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page is stale")
    options = parser.parse_args()
    try:
        pages = {REFERENCE / name: write() for name, write in PAGES.items()}
    except coverage.BadMarker as error:
        sys.exit(str(error))
    changed = stale(pages)
    names = ", ".join(f"docs/reference/{file.name}" for file in changed)
    if changed and options.check:
        sys.exit(f"{names}: not what the code and the tests say; write it anew with: make docs")
    for file in changed:
        file.write_text(pages[file])
    if changed:
        print(f"wrote {names}")


if __name__ == "__main__":
    main()
