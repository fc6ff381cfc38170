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
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
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


def check(path: Path, name: str, kind: str = "jar") -> None:
    """Raise `Invalid` for what is no jar, would be a bomb, or leads out of the folder that it is unpacked in.

    `kind` is what the user takes it for: these are the checks of any zip.
    """
    with opened(path, name, kind) as jar:
        entries = jar.infolist()
    refusal = f"{name} is no {kind} that can be used"
    packed = sum(entry.compress_size for entry in entries)
    unpacked = sum(entry.file_size for entry in entries)
    if packed > path.stat().st_size:
        raise Invalid(f"{refusal}: its entries overlap")
    if unpacked > min(MOST_UNPACKED, _FREE + MOST_RATIO * packed):
        raise Invalid(f"{refusal}: it unpacks to {unpacked} bytes in {len(entries)} files")
    for entry in entries:
        _check_entry(entry, refusal)


@contextmanager
def opened(path: Path, name: str, kind: str = "jar") -> Iterator[zipfile.ZipFile]:
    """Open a jar; raises `Invalid`."""
    try:
        with _File(path.open("rb", buffering=0)) as file, zipfile.ZipFile(file) as jar:
            yield jar
    except _DAMAGED as error:
        raise Invalid(f"{name} is not a {kind}: {error}") from None


def content(jar: zipfile.ZipFile, entry: zipfile.ZipInfo, limit: int) -> bytes:
    """Read an entry; raises `Invalid` for a damaged or larger one, whatever its head says."""
    try:
        with jar.open(entry) as file:
            read = file.read(limit + 1)
    except _DAMAGED as error:
        raise Invalid(f"{entry.filename} is damaged: {error}") from None
    if len(read) > limit:
        raise Invalid(f"{entry.filename} is larger than {limit} bytes")
    return read


def main_class(path: Path, name: str) -> str | None:
    """Return the main class that the manifest names; raises `Invalid`."""
    with opened(path, name) as jar:
        if _MANIFEST not in jar.namelist() or jar.getinfo(_MANIFEST).file_size > _LONGEST_MANIFEST:
            return None
        text = jar.read(_MANIFEST).decode(errors="replace")
    unfolded = re.sub(r"\r?\n ", "", text).replace("\r", "")  # a line of a manifest has at most 72 bytes
    found = _MAIN_CLASS.search(unfolded)
    return found[1] if found else None


def _check_entry(entry: zipfile.ZipInfo, refusal: str) -> None:
    path = PurePosixPath(entry.filename)
    # zipfile ends a name at U+0000, and so hides what others may read.
    if path.is_absolute() or ".." in path.parts or "\\" in entry.orig_filename or "\0" in entry.orig_filename:
        raise Invalid(f"{refusal}: an entry leads out of it")
    if entry.header_offset < 0:
        raise Invalid(f"{refusal}: an entry lies outside of it")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Invalid(f"{refusal}: an entry is a link")
    if entry.compress_type not in _COMPRESSIONS:  # others may ask for gigabytes of memory
        raise Invalid(f"{refusal}: it is compressed in a way that Java cannot read")
    if entry.flag_bits & 0x1:
        raise Invalid(f"{refusal}: it is encrypted")
