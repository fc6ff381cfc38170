"""A bucket on an S3-compatible server, and what Flink's own S3 file system must be told of it."""

import contextlib
import errno
import re
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from penstock.flink.folder import TooLarge
from penstock.flink.storage_map import OnServer, StorageMap

if TYPE_CHECKING:
    from obstore.store import S3Credential

_PATIENCE = timedelta(seconds=10)
"""For each answer, and for all attempts at one together: whoever looks at jobs waits for it."""
_AWAY_S = 10.0
"""How long a server that could not be reached is left alone."""
_TRANSFER_MOST = timedelta(hours=1)
_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d+ [A-Za-z ]*[a-z])")
_CAUSE = re.compile(r'(?:message|error): "([^"]+)"')


_OUTAGE = {
    # Unless set, it tries for minutes: then a cancel, which removes the checkpoint that is being written, keeps the
    # job's JobMaster waiting, and Flink answers for no job.
    "s3.attempts.maximum": "1",
    "s3.connection.establish.timeout": "2000",  # ms
    "s3.connection.timeout": "10000",
    "s3.retry.limit": "3",
    "s3.retry.interval": "500ms",
    # Checkpoints fail sooner then, and unless set the first one that does takes the job along.
    "execution.checkpointing.tolerable-failed-checkpoints": "10",
}
"""How a cluster gets over times without its server."""


class ServerBucket:
    """Keys are those of its objects, below the prefix, without a slash at either end. The server's failures are
    `OSError`s, as a folder's are.
    """

    def __init__(self, home: OnServer) -> None:
        self._home = home
        self._store = _open(home, home.bucket, home.prefix)
        self._away = ("", 0.0)
        """Why it could not be reached, and until when that is not tried again."""

    def uri(self, key: str) -> str:
        self.folders(f"{key}/.penstock".lstrip("/"))  # nothing lies there, and what lies at the key may be endless
        return "/".join(filter(None, ("s3:/", self._home.bucket, self._home.prefix, key)))

    def check(self, *, or_unmade: bool = False) -> None:
        """Do nothing: whatever is listed tells that the bucket is not there."""

    def folders(self, key: str) -> list[str]:
        return [each.rpartition("/")[2] for each in self._below(key)[0]]

    def files(self, key: str) -> list[str]:
        return [each.rpartition("/")[2] for each in self._below(key)[1]]

    def written_at(self, key: str) -> int:
        """Servers tell whole seconds: it was written by their end."""
        with self._asking():
            written = obstore.head(self._store, key)["last_modified"]
        return int(written.timestamp()) * 1000 + 999

    def remove(self, key: str, names: re.Pattern[str]) -> None:
        for name in self.folders(key):
            if names.fullmatch(name):
                self._remove_all(f"{key}/{name}")
        if not any(self._below(key)):
            self._remove_marker(key)

    def download(self, key: str, to: Path, limit: int) -> None:
        with self._asking():
            got = obstore.get(self._store, key)
            if got.meta["size"] > limit:
                raise TooLarge
            with to.open("wb") as target:
                for chunk in got.stream():
                    target.write(chunk)

    def upload(self, content: Path, key: str) -> None:
        with self._asking():
            obstore.put(self._store, key, content)

    @contextlib.contextmanager
    def _asking(self) -> Iterator[None]:
        reason, until = self._away
        if time.monotonic() < until:  # else whoever asks for many runs would wait for each
            raise OSError(errno.EIO, reason)
        try:
            yield
        except FileNotFoundError as error:
            raise FileNotFoundError(errno.ENOENT, _said(str(error))) from error
        except BaseError as error:
            said = _said(str(error))
            if said is None:
                self._away = (_why_away(str(error)), time.monotonic() + _AWAY_S)
            raise OSError(errno.EIO, said or self._away[0]) from error

    def _below(self, folder: str) -> tuple[list[str], list[str]]:
        """List the folders and the objects right below, without the marker of the folder itself."""
        with self._asking():
            found = obstore.list_with_delimiter(self._store, folder)
        objects = [each["path"] for each in found["objects"] if each["path"] != folder]
        return list(found["common_prefixes"]), objects

    def _remove_all(self, folder: str) -> None:
        """Remove a folder level by level: not every server lists what lies below it in one go."""
        folders, objects = self._below(folder)
        for each in folders:
            self._remove_all(each)
        with self._asking():
            obstore.delete(self._store, objects)
        self._remove_marker(folder)

    def _remove_marker(self, folder: str) -> None:
        """Remove the empty object by which Flink makes a folder: its key ends with a slash, which `obstore` allows
        only as the end of a bucket's address.
        """
        key = "/".join(filter(None, (self._home.bucket, self._home.prefix, folder)))
        with self._asking():
            obstore.delete(_open(self._home, quote(key), ""), "")


def flink_settings(storage: StorageMap) -> dict[str, str]:
    """Return what a cluster must know to reach the servers, with Flink's `s3-fs-hadoop`, which reads `s3.*`.

    Flink shows and logs its settings, but for those whose names hold the word `secret`: so both keys stand under
    such names, and the settings that need them only refer to these.
    """
    homes = {f"bucket.{home.bucket}.": home for home in storage.servers()}
    if isinstance(storage.default, OnServer):
        homes |= {f"bucket.{storage.default.bucket}." if storage.default.bucket else "": storage.default}
    settings = dict(_OUTAGE) if homes else {}
    for number, (scope, home) in enumerate(homes.items()):
        settings |= {
            f"s3.{scope}endpoint": home.endpoint,
            f"s3.{scope}endpoint.region": home.region,
            f"s3.{scope}path.style.access": "true",
            f"s3.{scope}access.key": f"${{fs.s3a.secret.{number}.access}}",
            f"s3.{scope}secret.key": f"${{fs.s3a.secret.{number}.secret}}",
            f"s3.secret.{number}.access": home.access_key,
            f"s3.secret.{number}.secret": home.secret_key,
        }
    return settings


def _open(home: OnServer, bucket: str, prefix: str) -> S3Store:
    def keys() -> "S3Credential":
        return {"access_key_id": home.access_key, "secret_access_key": home.secret_key, "expires_at": None}

    # What the environment's AWS_* say must not count: hence the provider, and what repeats a default.
    return S3Store(
        bucket=bucket,
        prefix=prefix or None,
        endpoint=home.endpoint,
        aws_endpoint_url_s3=home.endpoint,
        region=home.region,
        skip_signature=False,
        disable_bulk_delete=True,  # not every server has that
        virtual_hosted_style_request=False,
        credential_provider=keys,
        client_options={
            "allow_http": True,
            "connect_timeout": _PATIENCE / 2,
            "read_timeout": _PATIENCE,
            "timeout": _TRANSFER_MOST,
        },
        retry_config={"max_retries": 1, "retry_timeout": _PATIENCE},
    )


def _said(text: str) -> str | None:
    """Find what the server said, without the request, of which `obstore` tells everything but the keys."""
    said = _CODE.search(text) or _STATUS.search(text)
    return f"the storage server says {said[1]}" if said else None


def _why_away(text: str) -> str:
    causes = _CAUSE.findall(text)
    return f"the storage server cannot be reached{f': {causes[-1]}' if causes else ''}"
