"""Flink's lines: which versions a job may ask for (DLI: `flink_version`), and which release runs it.

A line is what Flink keeps compatible within, such as 2.3; of each that is served, one release is pinned and tested.
docs/decisions/flink-lines.md says why some older versions run on a newer line, and others are refused.
"""

from penstock.domain.errors import Invalid

DEFAULT = "2.3"
"""The line of a job that names none, unless the settings name another Flink."""
RELEASES = {"2.3": "2.3.0", "1.20": "1.20.5"}
"""The lines that are served, and the release that serves each."""
ALIASES = {f"1.{minor}": "1.20" for minor in range(10, 18)}
"""The versions that DLI's documents and clients name, and the line that runs their jobs here."""
_UNMARKED = "2.3"
"""The line of every cluster that was started before clusters bore a mark."""


def _in_order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


VERSIONS = tuple(sorted({*RELEASES, *ALIASES}, key=_in_order))
"""All that can be asked for, oldest first."""


def line_of(flink_version: str | None, default: str) -> str:
    """Give the line that runs a job; raises `Invalid` for a version that none serves."""
    if not flink_version:
        return default
    if flink_version not in VERSIONS:
        raise Invalid(f"flink_version must be one of {', '.join(VERSIONS)}")
    return ALIASES.get(flink_version, flink_version)


def line_of_release(release: str) -> str:
    """Give the line of a release such as 2.3.0, served or not."""
    return ".".join(release.split(".")[:2])


def aliases(line: str) -> tuple[str, ...]:
    """Give the versions that a line serves besides its own."""
    return tuple(version for version in VERSIONS if ALIASES.get(version) == line)


def alias_remark(flink_version: str | None) -> str | None:
    """Tell a user whose job runs on another line than the one it names."""
    line = ALIASES.get(flink_version or "")
    return f"runs on Flink {line}, which serves {flink_version}" if line else None


# --- clusters of ours bear their line in the name of each incarnation, so that a run is found again on its own ---


def incarnation(line: str, unique: str) -> str:
    return f"{line}/{unique}"


def line_of_cluster(incarnation: str) -> str:
    line, mark, _ = incarnation.partition("/")
    return line if mark else _UNMARKED
