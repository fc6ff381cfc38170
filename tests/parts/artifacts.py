"""The jars of the parts: pinned by `python -m tests.parts.pin`, fetched once for all runs, verified by hash."""

from pathlib import Path

import filelock
import msgspec
import platformdirs

from penstock.flink import maven
from penstock.flink.distribution import InstallFailed
from penstock.flink.maven import Artifact

PINS = Path(__file__).with_name("pins.json")
CACHE = platformdirs.user_cache_path("penstock")
"""Where the Flink of the tests lies too."""


class Unreachable(Exception):
    """A jar is not in the cache, and no registry that has it can be reached."""


def jars(part: str, cache: Path = CACHE) -> list[Path]:
    """Give the class path of a part; raises `Unreachable`."""
    folder = cache / "parts" / part
    folder.mkdir(parents=True, exist_ok=True)
    with filelock.FileLock(folder / "fetch.lock"):
        return [fetch(artifact, folder) for artifact in pins()[part]]


def pins() -> dict[str, list[Artifact]]:
    return msgspec.json.decode(PINS.read_bytes(), type=dict[str, list[Artifact]])


def check_reached(reason: str) -> None:
    """Raise `Unreachable` when that is why something was not fetched."""
    if "it cannot be reached" in reason:
        raise Unreachable(reason)


def fetch(artifact: Artifact, folder: Path) -> Path:
    """Fetch one, unless it is there; raises `Unreachable`."""
    jar = folder / artifact.file_name
    if jar.is_file():
        return jar
    try:
        return maven.fetch(artifact, folder, lambda label, done, total: None)
    except InstallFailed as error:
        check_reached(str(error))
        raise
