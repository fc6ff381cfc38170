"""Fetches single artifacts by their Maven coordinates, from where the user's own Maven would, verified by hash."""

import contextlib
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree

import msgspec
import requests
from jgo.maven import Artifact as Place
from jgo.maven import MavenContext, PythonResolver
from msgspec import Meta

from penstock.flink.distribution import InstallFailed, Progress

_CENTRAL = "central"
"""The id of the repository that Maven, and jgo, ask unless told otherwise."""
_SETTINGS = Path(".m2") / "settings.xml"
_TIMEOUT_S = 60
_VARIABLE = re.compile(r"\$\{([^}]+)\}")
_NO_WAY = (
    f"name a mirror that can be reached in ~/{_SETTINGS.as_posix()}, "
    "or give a folder that holds the jars: penstock connectors add --from FOLDER"
)


class Artifact(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A jar, and the bytes that it must have."""

    coordinates: Annotated[str, Meta(pattern="^[^:]+:[^:]+:[^:]+$")]
    """`group:name:version`"""
    sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, Meta(gt=0)]

    @staticmethod
    def of(coordinates: str, jar: Path) -> "Artifact":
        """Take a jar for the right one."""
        with jar.open("rb") as content:
            return Artifact(coordinates, hashlib.file_digest(content, "sha256").hexdigest(), jar.stat().st_size)

    @property
    def version(self) -> str:
        return self.coordinates.rpartition(":")[2]

    @property
    def file_name(self) -> str:
        _, name, version = self.coordinates.split(":")
        return f"{name}-{version}.jar"

    def check(self, file: Path) -> None:
        """Raise `InstallFailed` for a file that has other bytes."""
        if not self.is_at(file):
            raise InstallFailed(
                f"{file.name} is not the release that Penstock was tested with; nothing was installed"
            )

    def is_at(self, file: Path) -> bool:
        if not file.is_file() or file.stat().st_size != self.size:
            return False
        with file.open("rb") as content:
            return hashlib.file_digest(content, "sha256").hexdigest() == self.sha256


@dataclass(frozen=True)
class Source:
    """Where artifacts come from."""

    local: Path
    """The local repository, of which nothing is changed."""
    mirror: str | None = None
    """What stands in for Maven Central, without the user's credentials for it."""
    credentials: str = field(default="", repr=False)
    """`user:password@`, percent-encoded."""

    @property
    def remotes(self) -> dict[str, str] | None:
        if self.mirror is None:
            return None
        scheme, _, rest = self.mirror.partition("://")
        return {_CENTRAL: f"{scheme}://{self.credentials}{rest}"}

    def __str__(self) -> str:
        return self.mirror or "Maven Central"


def fetch(artifact: Artifact, folder: Path, progress: Progress) -> Path:
    """Put an artifact into a folder, under its own file name; raises `InstallFailed`, and leaves nothing then."""
    source = user_source()
    with tempfile.TemporaryDirectory(dir=folder, prefix="part-") as scratch:
        found = _place(artifact.coordinates, MavenContext(repo_cache=source.local)).cached_path
        if found is None or not artifact.is_at(found):
            found = _download(artifact.coordinates, source, Path(scratch), progress)
            artifact.check(found)
        return Path(shutil.copy(found, folder / artifact.file_name))


def pin(coordinates: str, progress: Progress) -> Artifact:
    """Take what the repository has for the right one; raises `InstallFailed`."""
    with tempfile.TemporaryDirectory() as scratch:
        return Artifact.of(coordinates, _download(coordinates, user_source(), Path(scratch), progress))


def releases(module: str) -> list[str]:
    """Name the releases of `group:name` that the repository has; raises `InstallFailed` when it names none."""
    source = user_source()
    with tempfile.TemporaryDirectory() as scratch:
        project = _context(source, Path(scratch), PythonResolver()).project(*module.split(":"))
        project.update()
        found = [each.version for each in project.versions()]
    if not found:
        raise InstallFailed(f"{source} names no release of {module}, or cannot be reached; {_NO_WAY}")
    return found


def user_source() -> Source:
    """Read the Maven settings of the user, which need not be there; raises `InstallFailed`."""
    file = Path.home() / _SETTINGS
    try:
        settings = ElementTree.parse(file).getroot()  # noqa: S314 - the user's own file
    except FileNotFoundError:
        settings = ElementTree.Element("settings")
    except (OSError, ElementTree.ParseError) as error:
        raise InstallFailed(f"cannot read {file}: {error}") from error
    local = _text(settings, "localRepository") or os.environ.get("M2_REPO") or Path.home() / ".m2" / "repository"
    for mirror in settings.iterfind("{*}mirrors/{*}mirror"):
        if _stands_for_central(_text(mirror, "mirrorOf")):
            return _mirrored(Path(local), mirror, settings)
    return Source(Path(local))


def _mirrored(local: Path, mirror: ElementTree.Element, settings: ElementTree.Element) -> Source:
    url = urlsplit(_text(mirror, "url").rstrip("/"))
    if _text(mirror, "blocked") == "true" or not url.scheme.startswith("http"):
        raise InstallFailed(f"the mirror {_text(mirror, 'id')!r} in {_SETTINGS} cannot be asked; {_NO_WAY}")
    given, _, host = url.netloc.rpartition("@")
    credentials = given or _credentials(_text(mirror, "id"), settings)
    return Source(local, url._replace(netloc=host).geturl(), f"{credentials}@" if credentials else "")


def _credentials(server_id: str, settings: ElementTree.Element) -> str:
    for server in settings.iterfind("{*}servers/{*}server"):
        if _text(server, "id") == server_id and (user := _text(server, "username")):
            return f"{quote(user, safe='')}:{quote(_text(server, 'password'), safe='')}"
    return ""


def _stands_for_central(mirror_of: str) -> bool:
    """Say whether a mirror is one of Maven Central (Maven: guide to mirror settings)."""
    names = {each.strip() for each in mirror_of.split(",")}
    return _CENTRAL in names or (f"!{_CENTRAL}" not in names and not names.isdisjoint({"*", "external:*"}))


def _text(element: ElementTree.Element, name: str) -> str:
    """Read a value with its variables put in, as Maven does in its settings."""
    known: Mapping[str, str] = {"user.home": str(Path.home())} | {
        f"env.{key}": os.environ[key] for key in os.environ
    }
    text = element.findtext(f"{{*}}{name}") or ""
    return _VARIABLE.sub(lambda found: known.get(found[1], found[0]), text.strip())


def _download(coordinates: str, source: Source, scratch: Path, progress: Progress) -> Path:
    resolver = PythonResolver(progress_callback=partial(_told, progress))
    try:
        return _place(coordinates, _context(source, scratch, resolver)).resolve()
    except requests.exceptions.SSLError:
        why = "its certificate is not trusted (REQUESTS_CA_BUNDLE names a file with others)"
    except requests.RequestException:
        why = "it cannot be reached, or the download broke off"
    except RuntimeError:  # of jgo, whatever the repository has answered
        why = "it does not have that, or does not give it to everybody"
    # Outside of the handlers: those errors can quote the address with the user's credentials.
    raise InstallFailed(f"{coordinates} was not fetched from {source}: {why}; {_NO_WAY}")


def _context(source: Source, scratch: Path, resolver: PythonResolver) -> MavenContext:
    return MavenContext(resolver, scratch, remote_repos=source.remotes, timeout=_TIMEOUT_S)


def _place(coordinates: str, context: MavenContext) -> Place:
    group, name, version = coordinates.split(":")
    return context.project(group, name).at_version(version).artifact()


@contextlib.contextmanager
def _told(progress: Progress, name: str, size: int) -> Iterator[Callable[[int], None]]:
    arrived = 0

    def add(more: int) -> None:
        nonlocal arrived
        arrived += more
        progress(name, arrived, size)

    yield add
