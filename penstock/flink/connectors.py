"""Connectors and formats by name: which releases are known to work, which are installed, and what a job misses.

Each lies in a folder of its own below the engine cache; clusters that are started afterwards load what is there.
"""

import functools
import re
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from penstock.flink import python_home
from penstock.flink.distribution import FlinkHome, InstallFailed, alone_in, is_busy
from penstock.flink.maven import Artifact

TABLE = Path(__file__).with_suffix(".toml")
_REQUIREMENTS = TABLE.parent / "engines"
_MISSED = (
    ("connector", re.compile(r"factory for identifier '([^']+)' that implements '\S*DynamicTable\w*Factory'")),
    ("format", re.compile(r"factory for identifier '([^']+)' that implements '\S*FormatFactory'")),
    ("format", re.compile(r"format factory for identifier '([^']+)'")),
    ("scheme", re.compile(r"file system implementation for scheme '([^']+)'")),
    ("database", re.compile(r"factory that can handle url 'jdbc:(\w+):")),
    ("language", re.compile(r"LANGUAGE (\w+) needs")),
)
"""What Flink says when it lacks something of this kind."""

Bring = Callable[[Artifact, Path], object]
"""Puts an artifact into a folder, under its own file name; raises `InstallFailed`."""


class Connector(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A connector, format or file system, and the release of it for each line of Flink."""

    purpose: str
    provides: tuple[str, ...]
    """What a script names, after its kind: `connector kafka`, `format avro`, `scheme s3`, `database mysql`."""
    lines: Mapping[str, tuple[Artifact, ...]] = {}
    """By line the jars, the one that gives the release its version first."""
    without: Mapping[str, str] = {}
    """Lines that have no release which works, and why."""
    plugin: bool = False
    """Flink loads it apart from everything else."""
    python: bool = False
    """It brings packages of Python too, which `engines/NAME-LINE.txt` lists with their hashes."""

    def version(self, line: str) -> str | None:
        return self.lines[line][0].version if line in self.lines else None


Table = Mapping[str, Connector]
"""All that there are, by name."""


@functools.cache
def table() -> Table:
    return msgspec.toml.decode(TABLE.read_bytes(), type=dict[str, Connector])


def lines() -> list[str]:
    """Name the lines of Flink that the table knows, the newest first."""
    known = {line for each in table().values() for line in (*each.lines, *each.without)}
    return sorted(known, key=lambda line: [int(part) for part in line.split(".")], reverse=True)


def installed(line: str, cache: Path) -> Mapping[str, Path]:
    """Give the folders of those that are installed, by name."""
    folder = _folder(line, cache)
    return {name: folder / name for name in table() if (folder / name).is_dir()}


def is_current(name: str, line: str, cache: Path) -> bool:
    """Say whether the release that the table names is installed."""
    folder, each = installed(line, cache).get(name), table()[name]
    if folder is None or {jar.file_name for jar in each.lines.get(line, ())} != _jars(folder):
        return False
    return not each.python or python_home.is_current(_requirements(name, line), folder)


def add(
    name: str, line: str, cache: Path, bring: Bring, install: python_home.Install = python_home.install
) -> None:
    """Install one, unless its release is there; another release gives way. Raises `InstallFailed`.

    Several at once do it once; what is there is always whole.
    """
    artifacts = _release(name, line)
    target = _folder(line, cache) / name
    with alone_in(target.parent):
        if is_current(name, line, cache):
            return
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="part-") as scratch:
            fresh = Path(scratch) / "fresh"
            fresh.mkdir()
            for artifact in artifacts:
                bring(artifact, fresh)
            if table()[name].python:
                install(_requirements(name, line), fresh)
            if target.is_dir():
                target.rename(Path(scratch) / "old")
            fresh.rename(target)


def remove(name: str, line: str, cache: Path) -> None:
    """Remove one, from clusters that are started afterwards too; raises `InstallFailed` where there is none."""
    target = _folder(line, cache) / name
    with alone_in(target.parent):
        if name not in installed(line, cache):
            raise InstallFailed(f"{name} is not installed for Flink {line}")
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="part-") as scratch:
            target.rename(Path(scratch) / "old")


def from_folder(folder: Path) -> Bring:
    """Take artifacts from a folder of jars instead of a repository."""

    def bring(artifact: Artifact, to: Path) -> None:
        jar = folder / artifact.file_name
        if not jar.is_file():
            raise InstallFailed(f"{folder} does not hold {jar.name} ({artifact.coordinates})")
        artifact.check(jar)
        shutil.copy(jar, to)

    return bring


# --- what a cluster loads ---


def held(home: FlinkHome) -> tuple[str, ...]:
    """Name all that is installed for a Flink: a cluster that was started with anything else is outdated."""
    folders = _installed_for(home).values()
    return tuple(sorted(each for folder in folders for each in (*_jars(folder), *python_home.release(folder))))


def are_being_installed(home: FlinkHome) -> bool:
    return home.cache is not None and is_busy(_folder(home.line, home.cache))


def class_path(home: FlinkHome) -> list[str]:
    return [f"{folder}/*" for name, folder in _installed_for(home).items() if not table()[name].plugin]


def settings(home: FlinkHome) -> dict[str, str]:
    """Tell Flink where the Python of the functions is, if it is installed."""
    for name, folder in _installed_for(home).items():
        if table()[name].python:
            program = str(python_home.program(folder))
            return {"python.executable": program, "python.client.executable": program}
    return {}


def plugins(home: FlinkHome) -> list[Path]:
    """Give the folders of Flink's own plugins, and of ours."""
    own = [folder for folder in (home.lib.parent / "plugins").glob("*") if folder.is_dir()]
    return own + [folder for name, folder in _installed_for(home).items() if table()[name].plugin]


def advised(reason: str, home: FlinkHome) -> str:
    """Add to Flink's reason how to install what it misses, if any of ours provides that."""
    missed = {f"{kind} {found[1]}" for kind, pattern in _MISSED if (found := pattern.search(reason))}
    names = [name for name, each in table().items() if not missed.isdisjoint(each.provides)]
    if not names:
        return reason
    return f"{reason.rstrip('. ')}; {_advice(names, home)}"


def _advice(names: list[str], home: FlinkHome) -> str:
    if not set(names).isdisjoint(_installed_for(home)):
        return "it is installed by now: run the job again once its queue has a new cluster"
    choice = [name for name in names if home.line in table()[name].lines]
    if not choice:
        return f"there is no {names[0]} for Flink {home.line}: {table()[names[0]].without.get(home.line, '')}"
    option = "" if home.line == lines()[0] else f" --flink {home.line}"
    return f"install it with: penstock connectors add {' or '.join(choice)}{option}"


def _installed_for(home: FlinkHome) -> Mapping[str, Path]:
    return installed(home.line, home.cache) if home.cache else {}


def _release(name: str, line: str) -> tuple[Artifact, ...]:
    if name not in table():
        raise InstallFailed(f"there is no connector {name!r}; there are {', '.join(table())}")
    if line not in lines():
        raise InstallFailed(f"there are no connectors for Flink {line!r}, only for {', '.join(lines())}")
    each = table()[name]
    if line not in each.lines:
        raise InstallFailed(f"there is no {name} for Flink {line}: {each.without[line]}")
    return each.lines[line]


def _requirements(name: str, line: str) -> Path:
    return _REQUIREMENTS / f"{name}-{line}.txt"


def _folder(line: str, cache: Path) -> Path:
    return cache / "engines" / f"flink-{line}-connectors"


def _jars(folder: Path) -> set[str]:
    return {jar.name for jar in folder.glob("*.jar")}
