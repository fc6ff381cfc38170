"""Jars of users: the checks that one must pass before anything reads it, and what its manifest says."""

import io
import lzma
import re
import stat
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from penstock.domain.errors import Invalid

MOST_ENTRIES = 200_000
MOST_DIRECTORY = 64 << 20
"""Bytes of the list of entries."""
MOST_UNPACKED = 8 << 30
MOST_RATIO = 200
"""Unpacked to packed, beyond the first 100 MiB; classes and texts reach 10."""
_FREE = 100 << 20
_DAMAGED = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, lzma.LZMAError),
    *(NotImplementedError, EOFError, UnicodeDecodeError),
)
_MANIFEST = "META-INF/MANIFEST.MF"
_LONGEST_MANIFEST = 1 << 20
_MAIN_CLASS = re.compile(r"^Main-Class: *(\S+) *$", re.MULTILINE | re.IGNORECASE)
_ENTRY_OF_DIRECTORY = b"PK\x01\x02"


class _File(io.BufferedReader):
    """A jar as `zipfile` reads it, which takes the directory in one piece, whatever number of entries is told.

    Each entry becomes half a kilobyte of memory: a directory with too many is refused before that.
    """

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MOST_DIRECTORY:
            raise zipfile.BadZipFile(f"its directory has {size} bytes; it may have {MOST_DIRECTORY}")
        content = super().read(size)
        if content.count(_ENTRY_OF_DIRECTORY) > MOST_ENTRIES:
            raise zipfile.BadZipFile(f"it has more than {MOST_ENTRIES} entries")
        return content


def check(path: Path, name: str) -> None:
    """Raise `Invalid` for what is no jar, would be a bomb, or leads out of the folder that it is unpacked in."""
    with opened(path, name) as jar:
        entries = jar.infolist()
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    if packed > path.stat().st_size:
        raise Invalid(f"{name} is no jar that can be used: its entries overlap")
    if unpacked > min(MOST_UNPACKED, _FREE + MOST_RATIO * packed):
        raise Invalid(f"{name} is no jar that can be used: it unpacks to {unpacked} bytes in {len(entries)} files")
    for entry in entries:
        _check_entry(entry, name)


@contextmanager
def opened(path: Path, name: str) -> Iterator[zipfile.ZipFile]:
    """Open a jar; raises `Invalid`."""
    try:
        with _File(path.open("rb", buffering=0)) as file, zipfile.ZipFile(file) as jar:
            yield jar
    except _DAMAGED as error:
        raise Invalid(f"{name} is not a jar: {error}") from None


def main_class(path: Path, name: str) -> str | None:
    """Return the main class that the manifest names; raises `Invalid`."""
    with opened(path, name) as jar:
        if _MANIFEST not in jar.namelist() or jar.getinfo(_MANIFEST).file_size > _LONGEST_MANIFEST:
            return None
        text = jar.read(_MANIFEST).decode(errors="replace")
    unfolded = re.sub(r"\r?\n ", "", text).replace("\r", "")  # a line of a manifest has at most 72 bytes
    found = _MAIN_CLASS.search(unfolded)
    return found[1] if found else None


def _check_entry(entry: zipfile.ZipInfo, name: str) -> None:
    path = PurePosixPath(entry.filename)
    # zipfile ends a name at U+0000, and so hides what others may read.
    if path.is_absolute() or ".." in path.parts or "\\" in entry.orig_filename or "\0" in entry.orig_filename:
        raise Invalid(f"{name} is no jar that can be used: an entry leads out of it")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Invalid(f"{name} is no jar that can be used: an entry is a link")
    if entry.flag_bits & 0x1:
        raise Invalid(f"{name} is no jar that can be used: it is encrypted")
