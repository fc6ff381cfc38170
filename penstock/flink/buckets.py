"""The project's buckets: the only place that knows where `obs://` addresses lie, in folders or on servers."""

import contextlib
import copy
import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Protocol

from penstock.domain import bucket
from penstock.domain.errors import Invalid, NotFound
from penstock.flink import server_bucket
from penstock.flink.addresses import Addresses
from penstock.flink.folder import Folder, TooLarge
from penstock.flink.server_bucket import ServerBucket
from penstock.flink.storage_map import Home, InFolder, StorageMap

_METADATA = "_metadata"
"""The file that Flink writes last, and that makes a checkpoint or savepoint complete."""
_CHECKPOINT = re.compile(r"[0-9a-f]{32}/chk-[0-9]+")
"""How the address of a run's checkpoint ends."""
_CHECKPOINT_NAME = re.compile("chk-[0-9]+")
_RUN = re.compile(r"[0-9a-f]{32}")
_PARTS = re.compile(r"chk-[0-9]+|shared|taskowned")
"""What Flink makes in the folder of a run's checkpoints."""
_KEPT_OPEN = 100
"""How many buckets are kept ready for use; a default has any number of them."""


class BucketFailure(Exception):
    """A bucket cannot be used just now; the text names the address and is for the user."""


class UnknownBucket(BucketFailure):
    """The storage map has no such bucket: to ask again is no use."""


class Store(Protocol):
    """What lies in one bucket, by keys without a slash at either end; whatever goes wrong is an `OSError`."""

    def uri(self, key: str) -> str:
        """Return the place for Flink to write to, in a bucket that is there."""

    def check(self, *, or_unmade: bool = False) -> None:
        """Raise unless the bucket is there, or will be made (`or_unmade`), or what is listed tells."""

    def folders(self, key: str) -> list[str]:
        """Name the folders right below a folder, links left out; none below one that is not there."""

    def files(self, key: str) -> list[str]:
        """Name the objects right below a folder, links left out; none below one that is not there."""

    def written_at(self, key: str) -> int:
        """Give the time in milliseconds at which an object was written."""

    def remove(self, key: str, names: re.Pattern[str]) -> None:
        """Remove the folders with such names right below a folder, and that if it is empty then.

        A folder that a link leads to stays as it is.
        """

    def download(self, key: str, to: Path, limit: int) -> None:
        """Copy an object; raises `FileNotFoundError` or `TooLarge`."""

    def upload(self, content: Path, key: str) -> None: ...


class Buckets:
    """Every bucket has its place in the storage map; without one it is a folder below the root."""

    def __init__(self, root: Path, storage: StorageMap | None = None, *, write_timeout_s: int = 24 * 3600) -> None:
        """Take the root, and how long Flink may be writing one state in a bucket."""
        self.write_timeout_s = write_timeout_s
        root = root.resolve()
        self._storage = (storage or StorageMap(default=InFolder(root))).with_built_in(root)
        self._addresses = Addresses(self._storage, beside=root.parent)
        self._store = lru_cache(_KEPT_OPEN)(_open)
        self._project: str | None = None
        """None: all of them are wanted."""

    def of_project(self, project_id: str) -> "Buckets":
        """Give the buckets as a project has them: of those of others it is told what it is told of none."""
        own = copy.copy(self)
        own._project = project_id
        return own

    def knows(self, bucket_name: str) -> bool:
        return self._storage.home_of(bucket_name, self._project) is not None

    def flink_settings(self) -> dict[str, str]:
        """Return what a cluster must be told to reach the buckets; there are secrets among it."""
        return server_bucket.flink_settings(self._storage)

    def uri(self, address: str) -> str:
        """Return the address for Flink to write to; its bucket exists from now on, or this is a `BucketFailure`."""
        with self._opened(address) as (store, key):
            return store.uri(key)

    def address(self, place: str) -> str | None:
        """Return the address of a URI that Flink names; None when it lies in no bucket."""
        return self._addresses.of(place)

    def scrub(self, text: str) -> str:
        """Make a text of Flink one for users, which can be stored: without places of the host, keys and U+0000."""
        return self._addresses.scrub(text)

    def state_at(self, address: str) -> str | None:
        """Return the address of the complete state to start from there; raises `BucketFailure`.

        Of a folder it is the newest `savepoint-*`. Of a checkpoint it is the newest of its run, but none older than
        it: after our last look Flink goes on writing new ones, and drops the old.
        """
        with self._opened(address) as (store, key):
            folder, _, name = key.rpartition("/")
            if _CHECKPOINT.fullmatch(f"{folder.rpartition('/')[2]}/{name}"):
                found = _newest_checkpoint(store, folder, since=_number(name))
            elif _written_at(store, key) is not None:
                found = key
            else:
                found = _newest_savepoint(store, key, "savepoint-.*", since=0)
            return _told(store, address, found)

    def is_gone(self, address: str) -> bool:
        """Say whether no complete state lies there, in a bucket that does; raises `BucketFailure`."""
        with self._opened(address) as (store, _):
            store.check()  # a file system that is not mounted has lost nothing
        return self.state_at(address) is None

    def remove_checkpoints(self, folder: str) -> None:
        """Remove what Flink has made in the folder of a run's checkpoints, and nothing else.

        A folder that is not named like a run, or that a link leads to, stays as it is. Raises `BucketFailure`.
        """
        with self._opened(folder) as (store, key):
            if _RUN.fullmatch(key.rpartition("/")[2]):
                store.remove(key, _PARTS)

    def newest_checkpoint(self, folder: str) -> str | None:
        """Return the newest complete checkpoint below the folder of a run; raises `BucketFailure`."""
        with self._opened(folder) as (store, key):
            return _told(store, folder, _newest_checkpoint(store, key, since=0))

    def savepoint_of(self, address: str, run_id: str, since: int) -> str | None:
        """Return the complete savepoint of this run there that was written at `since` or later.

        A folder that users name themselves may hold the savepoints of earlier requests too. Raises `BucketFailure`.
        """
        with self._opened(address) as (store, key):
            found = _newest_savepoint(store, key, f"savepoint-{run_id[:6]}-.*", since)
            return _told(store, address, found)

    def download(self, address: str, to: Path, limit: int) -> None:
        """Copy an object to a file, of which a part may be left where this fails.

        Raises `NotFound`, `Invalid` when it has more bytes than the limit, or `BucketFailure`.
        """
        with self._opened(address) as (store, key):
            try:
                store.download(key, to, limit)
            except FileNotFoundError as error:
                store.check(or_unmade=True)
                raise NotFound(f"there is no {address}") from error
            except TooLarge as error:
                raise Invalid(f"{address} is larger than {limit} bytes") from error

    def files(self, address: str) -> list[str]:
        """Name the objects right below a folder, but hidden ones; raises `BucketFailure`."""
        with self._opened(address) as (store, key):
            found = store.files(key)
            if not found:
                store.check(or_unmade=True)
            return sorted(name for name in found if not name.startswith("."))

    def upload(self, content: Path, address: str) -> None:
        """Write a file to an object, whole or not at all; raises `BucketFailure`."""
        with self._opened(address) as (store, key):
            store.upload(content, key)

    @contextlib.contextmanager
    def _opened(self, address: str) -> Iterator[tuple[Store, str]]:
        """Give the bucket of an address, and the key in it; what goes wrong with it is a `BucketFailure`."""
        name, parts = bucket.split(address)
        home = self._storage.home_of(name, self._project)
        if home is None:
            raise UnknownBucket(bucket.unknown(name))
        try:
            yield self._store(home), "/".join(parts)
        except OSError as error:
            raise BucketFailure(f"cannot use {address}: {error.strerror}") from error


def _open(home: Home) -> Store:
    return Folder(home) if isinstance(home, InFolder) else ServerBucket(home)


def _told(store: Store, within: str, key: str | None) -> str | None:
    """Give the address of what was found; that there is nothing is only told of a bucket that is there."""
    if key is None:
        store.check(or_unmade=True)
        return None
    return bucket.parse(f"{bucket.split(within)[0]}/{key}")


def _in(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _written_at(store: Store, state: str) -> int | None:
    """Give the time at which it was complete; None when it is not, or gone, as Flink drops what is old."""
    try:
        return store.written_at(_in(state, _METADATA))
    except (FileNotFoundError, NotADirectoryError):
        return None


def _newest_checkpoint(store: Store, folder: str, since: int) -> str | None:
    numbers = sorted(
        (_number(name) for name in store.folders(folder) if _CHECKPOINT_NAME.fullmatch(name)), reverse=True
    )
    checkpoints = (_in(folder, f"chk-{number}") for number in numbers if number >= since)
    return next((each for each in checkpoints if _written_at(store, each) is not None), None)


def _newest_savepoint(store: Store, folder: str, name: str, since: int) -> str | None:
    found = [_in(folder, each) for each in store.folders(folder) if re.fullmatch(name, each)]
    written = {each: at for each in found if (at := _written_at(store, each)) is not None and at >= since}
    return max(written, key=lambda each: written[each], default=None)


def _number(checkpoint: str) -> int:
    return int(checkpoint.removeprefix("chk-"))
