"""Renew the pins of connectors: of each jar the newest release that is for no later line than the one it serves.

    python -m penstock.flink.pins [--check]

It knows what is newer, and not what works.
"""

import argparse
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from penstock.flink import connectors, maven
from penstock.flink.distribution import InstallFailed
from penstock.flink.maven import Artifact

_PIN = re.compile(
    r'(?<=^\[\[)(?P<name>[\w-]+)\.lines\."(?P<line>[\d.]+)"\]\]\n'
    r'coordinates = "(?P<module>[^":]+:[^":]+):(?P<version>[^":]+)"\nsha256 = "\w+"\nsize = \d+$',
    re.MULTILINE,
)
_RELEASE = re.compile(r"\d+(?:\.\d+)+(?:-(?P<line>\d+\.\d+))?")
"""A release of its own, and for connectors after it the line of Flink that it is built for."""
_OF_FLINK = re.compile(r"org\.apache\.flink:(?!.*-cdc$).*")
"""What is released with Flink, and bears its numbers: Flink CDC has its own."""

Releases = Callable[[str], Sequence[str]]
"""Names those of a `group:name`."""


@dataclass(frozen=True)
class Newer:
    """A release that a connector could have on a line; `version` is what it has now, if it has any."""

    name: str
    line: str
    module: str
    version: str | None
    release: str

    def __str__(self) -> str:
        return f"{self.name} for {self.line}: {self.module} {self.version or 'none'} -> {self.release}"


def newest(module: str, line: str, releases: Sequence[str]) -> str | None:
    """Choose the newest release for no later line than this one."""
    fitting = [
        each for each in releases if (built := _built_for(module, each)) and _numbers(built) <= _numbers(line)
    ]
    return max(fitting, key=_numbers, default=None)


def outdated(text: str, releases: Releases) -> list[Newer]:
    """Find pins that have a newer release."""
    return [newer for found in _PIN.finditer(text) if (newer := _newer(found, releases))]


def untried(table: connectors.Table, releases: Releases) -> Iterator[Newer]:
    """Find newer releases than those of which the table says why they do not work."""
    for name, each in table.items():
        for line, reason in each.without.items():
            modules = {jars[0].coordinates.rpartition(":")[0] for jars in each.lines.values()}
            for module in sorted(modules):
                release = newest(module, line, releases(module))
                if release and release not in reason:
                    yield Newer(name, line, module, None, release)


def renewed(text: str, releases: Releases, pin: Callable[[str], Artifact]) -> str:
    """Give the text of the table with the newest pins; all else in it stays as it is."""

    def anew(found: re.Match[str]) -> str:
        newer = _newer(found, releases)
        if newer is None:
            return found[0]
        jar = pin(f"{newer.module}:{newer.release}")
        head = found[0].partition("\n")[0]
        return f'{head}\ncoordinates = "{jar.coordinates}"\nsha256 = "{jar.sha256}"\nsize = {jar.size}'

    return _PIN.sub(anew, text)


def _newer(found: re.Match[str], releases: Releases) -> Newer | None:
    name, line, module, version = found.groups()
    release = newest(module, line, releases(module))
    if release is None or _numbers(release) <= _numbers(version):
        return None
    return Newer(name, line, module, version, release)


def _built_for(module: str, version: str) -> str | None:
    """Give the line of Flink, 0 for any; None for what is no release."""
    found = _RELEASE.fullmatch(version)
    if found is None:
        return None
    return found["line"] or (".".join(version.split(".")[:2]) if _OF_FLINK.fullmatch(module) else "0")


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if there is anything newer")
    options = parser.parse_args()
    releases, pin = cache(maven.releases), cache(lambda coordinates: maven.pin(coordinates, lambda *_: None))
    text = connectors.TABLE.read_text()
    try:
        found = [*outdated(text, releases), *untried(connectors.table(), releases)]
        if not options.check:
            connectors.TABLE.write_text(renewed(text, releases, pin))
    except InstallFailed as error:
        sys.exit(str(error))
    for each in found:
        print(each)
    sys.exit(1 if options.check and found else 0)


if __name__ == "__main__":
    main()
