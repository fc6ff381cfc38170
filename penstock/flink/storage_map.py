"""The storage map: a TOML file that says in which folder, or on which S3-compatible server, each bucket lies."""

import contextlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath, PurePosixPath
from typing import Any
from urllib.parse import urlsplit

import msgspec

from penstock.domain import bucket
from penstock.domain.errors import Invalid

_DEFAULT = "default"
_ALLOWED = (
    "a table has either `folder`, or `endpoint`, `access_key`, `secret_key` and, if needed, `region`, `bucket`, "
    "`prefix`; of a key, `…_env` names its environment variable and `…_file` its file; `projects` lists the ids of "
    "those that may use it; a name with dots is quoted"
)


class BadMap(Exception):
    """The storage map cannot be used; the text says where and what is allowed, for the operator."""


@dataclass(frozen=True)
class InFolder:
    folder: Path
    is_made: bool = False
    """Made at its first use; one that the map names may be a file system that is not mounted yet."""
    projects: frozenset[str] | None = field(default=None, compare=False)
    """Whose it is, by id; None: everybody's."""


@dataclass(frozen=True)
class OnServer:
    endpoint: str
    bucket: str
    """The server's own name for it; empty in a default of which every bucket keeps its name."""
    access_key: str = field(repr=False)
    secret_key: str = field(repr=False)
    region: str = "us-east-1"
    prefix: str = ""
    """Folders within that bucket, without a slash at either end."""
    projects: frozenset[str] | None = field(default=None, compare=False)
    """As of a folder."""


Home = InFolder | OnServer


@dataclass(frozen=True)
class StorageMap:
    homes: Mapping[str, Home] = field(default_factory=dict)
    """By the name that users give the bucket."""
    default: Home | None = None

    def home_of(self, name: str, project_id: str | None = None) -> Home | None:
        """Say where a bucket lies; None when it is not to be known, or not by this project."""
        home = self._home_of(name)
        if home is None or home.projects is None or project_id is None:
            return home
        return home if project_id in home.projects else None

    def _home_of(self, name: str) -> Home | None:
        if name in self.homes or self.default is None:
            return self.homes.get(name)
        if isinstance(self.default, InFolder):
            return replace(self.default, folder=self.default.folder / name, is_made=True)
        if self.default.bucket:
            return replace(self.default, prefix=f"{self.default.prefix}/{name}".lstrip("/"))
        return None if name in {each.bucket for each in self.servers()} else replace(self.default, bucket=name)

    def folders(self) -> Iterator[Path]:
        homes = (*self.homes.values(), self.default)
        return (home.folder for home in homes if isinstance(home, InFolder))

    def with_built_in(self, root: Path) -> "StorageMap":
        """Give the bucket of jobs that name none a folder below the root, unless the map has a place for it."""
        found = self.home_of(bucket.BUILT_IN)
        if found is not None and (bucket.BUILT_IN in self.homes or found.projects is None):
            return self
        return replace(self, homes={**self.homes, bucket.BUILT_IN: InFolder(root / bucket.BUILT_IN, is_made=True)})

    def servers(self) -> Iterator[OnServer]:
        """List the homes on servers, without the default."""
        return (home for home in self.homes.values() if isinstance(home, OnServer))


class _Table(msgspec.Struct, forbid_unknown_fields=True):
    projects: list[str] | None = None
    folder: str | None = None
    endpoint: str | None = None
    region: str = "us-east-1"
    bucket: str | None = None
    prefix: str = ""
    access_key: str | None = None
    access_key_env: str | None = None
    access_key_file: str | None = None
    secret_key: str | None = None
    secret_key_env: str | None = None
    secret_key_file: str | None = None


def read(file: Path, environment: Mapping[str, str]) -> StorageMap:
    """Read a map; relative paths in it start at its folder. Raises `BadMap`."""
    try:
        text = file.read_text()
        tables = tomllib.loads(text)
    except (OSError, ValueError) as error:
        raise BadMap(f"{file}: {error}") from error
    homes: dict[str, Home] = {}
    for name, content in tables.items():
        with _in_table(name, file, text):
            homes[name] = _home(name, content, file.parent, environment)
            _check_alone(name, homes)
    found = StorageMap(homes, homes.pop(_DEFAULT, None))
    for name in homes:
        with _in_table(name, file, text):
            _check_beside_default(name, found)
    return found


@contextlib.contextmanager
def _in_table(name: str, file: Path, text: str) -> Iterator[None]:
    try:
        yield
    except (Invalid, OSError, ValueError, RuntimeError, msgspec.MsgspecError) as error:
        raise BadMap(f"{file}, line {_line(text, name)}, table {name!r}: {error}; {_ALLOWED}") from error


def is_exposed(file: Path) -> bool:
    """Say whether others than its owner can read a map that holds a secret itself."""
    holds = any("secret_key" in table for table in tomllib.loads(file.read_text()).values())
    return holds and bool(file.stat().st_mode & 0o077)


def _home(name: str, content: Any, beside: Path, environment: Mapping[str, str]) -> Home:
    if name != _DEFAULT:
        bucket.check_name(name)
    table = msgspec.convert(content, _Table)
    projects = None if table.projects is None else frozenset(table.projects)
    given = {key for key, value in content.items() if value is not None} - {"projects"}
    if table.folder is not None:
        if given != {"folder"}:
            raise ValueError("a folder has no other settings of a place")
        return InFolder((beside / Path(table.folder).expanduser()).resolve(), projects=projects)
    if table.endpoint is None:
        raise ValueError("it names no place")
    _check_endpoint(table.endpoint)
    real = table.bucket or ("" if name == _DEFAULT else name)
    prefix = table.prefix.strip("/")
    bucket.split(f"{real or name}/{prefix}")
    return OnServer(
        endpoint=table.endpoint.rstrip("/"),
        bucket=real,
        access_key=_key(content, "access_key", beside, environment),
        secret_key=_key(content, "secret_key", beside, environment),
        region=table.region,
        prefix=prefix,
        projects=projects,
    )


def _check_endpoint(endpoint: str) -> None:
    url = urlsplit(endpoint)
    if url.scheme not in ("http", "https") or not url.hostname or url.username or url.path.strip("/") or url.query:
        raise ValueError("endpoint must be the http or https address of a server, with neither path nor password")


def _key(content: Mapping[str, str], name: str, beside: Path, environment: Mapping[str, str]) -> str:
    ways = [way for way in (name, f"{name}_env", f"{name}_file") if content.get(way)]
    if len(ways) != 1:
        raise ValueError(f"{name} must be given in exactly one way")
    given = content[ways[0]]
    if ways[0].endswith("_file"):
        given = (beside / Path(given).expanduser()).read_text().strip()
    elif ways[0].endswith("_env"):
        given = environment.get(given, "")
    if not re.fullmatch(r"[!-~]+", given):
        raise ValueError(f"{ways[0]} gives no key")
    return given


def _check_alone(name: str, homes: Mapping[str, Home]) -> None:
    """Check a home against those before: Flink knows one server a bucket, and an address is to have one place."""
    mine = homes[name]
    for other, home in homes.items():
        if other != name and home == mine:
            raise ValueError(f"table {other!r} has the same place")
        if home.projects != mine.projects and _overlap(mine, home):
            raise ValueError(f"table {other!r} has a place that holds this one, or lies in it, for other projects")
        if isinstance(mine, OnServer) and isinstance(home, OnServer) and not _agree(mine, home):
            raise ValueError(f"table {other!r} has a bucket of the same name on another server, or other keys")


def _check_beside_default(name: str, found: StorageMap) -> None:
    """Check that no bucket which the default makes up reaches what lies here."""
    (server, place), default = _place(found.homes[name]), found.default
    if default is None or (
        isinstance(default, OnServer) and not default.bucket
    ):  # the latter leaves out our buckets
        return
    root_server, root = _place(default)
    if server == root_server and place != root and place.is_relative_to(root):
        other = place.relative_to(root).parts[0]
        if other not in found.homes:
            raise ValueError(f"it lies in the folder of the bucket {other!r} of the table 'default'")


def _overlap(one: Home, other: Home) -> bool:
    (server, place), (other_server, other_place) = _place(one), _place(other)
    return server == other_server and (place.is_relative_to(other_place) or other_place.is_relative_to(place))


def _place(home: Home) -> tuple[str, PurePath]:
    if isinstance(home, InFolder):
        return "", home.folder
    return home.endpoint, PurePosixPath(home.bucket, home.prefix)


def _agree(one: OnServer, other: OnServer) -> bool:
    return one.bucket != other.bucket or replace(one, prefix="") == replace(other, prefix="")


def _line(text: str, name: str) -> int:
    """Find the line where a table begins."""
    head = re.search(rf"^\s*\[?\s*[\"']?{re.escape(name)}\b", text, re.MULTILINE)
    return text.count("\n", 0, head.end()) + 1 if head else 1
