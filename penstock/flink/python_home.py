"""The Python that functions of scripts run in: an environment with PyFlink, apart from the one that we run in."""

import hashlib
import shutil
import sys
import sysconfig
import tempfile
import venv
from collections.abc import Callable
from pathlib import Path

from penstock.flink import distribution
from penstock.flink.distribution import InstallFailed, Progress

RELEASES = ((3, 11), (3, 12))
"""PyFlink 2.3 has wheels for these."""
_ROOM = 700_000_000  # bytes: what pip downloads and unpacks at its peak
_REQUIREMENTS = "requirements.txt"

Install = Callable[[Path, Path], None]
"""Installs the packages of a hashed requirements file into a folder; raises `InstallFailed`."""


def _unseen(_name: str, _done: int, _total: int) -> None:
    """Show no progress."""


def install(requirements: Path, folder: Path, progress: Progress = _unseen, wheels: Path | None = None) -> None:
    """Make the environment in a folder, of the Python that runs us, from the user's index or a folder of wheels.

    The folder may be moved afterwards. Raises `InstallFailed`.
    """
    check_release(sys.version_info[:2])
    distribution.check_room(folder, _ROOM)
    place = folder / "python"
    venv.create(place, symlinks=True)
    packages = sysconfig.get_path("purelib", "venv", {"base": str(place)})
    with tempfile.TemporaryDirectory(dir=folder, ignore_cleanup_errors=True) as work:
        distribution.run_pip(requirements, Path(work), Path(packages), progress, wheels)
    shutil.copy(requirements, folder / _REQUIREMENTS)


def program(folder: Path) -> Path:
    """Give the interpreter of the environment in a folder."""
    return folder / "python" / "bin" / "python"


def is_current(requirements: Path, folder: Path) -> bool:
    """Say whether the environment in a folder holds these packages, and its interpreter is still there."""
    installed = folder / _REQUIREMENTS
    same = installed.is_file() and installed.read_bytes() == requirements.read_bytes()
    return same and program(folder).is_file()


def release(folder: Path) -> list[str]:
    """Name the packages of the environment in a folder, if there is one."""
    installed = folder / _REQUIREMENTS
    return [hashlib.sha256(installed.read_bytes()).hexdigest()] if installed.is_file() else []


def check_release(running: tuple[int, int]) -> None:
    """Raise `InstallFailed` unless PyFlink is made for this release of Python."""
    if running not in RELEASES:
        served = " or ".join(f"{major}.{minor}" for major, minor in RELEASES)
        raise InstallFailed(
            f"functions in Python need a Penstock that runs with Python {served}, for which PyFlink is made; "
            f"this one runs with {running[0]}.{running[1]}"
        )
