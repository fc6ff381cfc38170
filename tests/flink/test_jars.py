"""What a jar must be, whatever its author wants."""

import copy
import io
import stat
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from penstock.domain.errors import Invalid
from penstock.flink import jars
from tests.jars import jar_of


def bomb() -> bytes:
    return jar_of({f"{number}.txt": bytes(50 << 20) for number in range(3)})


def with_link() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        entry = zipfile.ZipInfo("x")
        entry.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(entry, "/etc/passwd")
    return content.getvalue()


def encrypted() -> bytes:
    content = bytearray(jar_of({"x": "y"}))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def overlapping() -> bytes:
    """One entry's bytes told as two entries', as the densest bombs do."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a", bytes(10_000))
        archive.filelist.append(copy.copy(archive.filelist[0]))
    return content.getvalue()


def displaced() -> bytes:
    """A directory that is told to lie further back than it does: entries seem to begin before the file."""
    content = bytearray(jar_of({"x": "y"}))
    place = content.index(b"PK\x05\x06") + 16
    struct.pack_into("<I", content, place, struct.unpack_from("<I", content, place)[0] + 5)
    return bytes(content)


def hidden_name() -> bytes:
    return jar_of({"a@../../x": "y"}).replace(b"a@../../x", b"a\0../../x")


def unreadable_name() -> bytes:
    return jar_of({"ä": "y"}).replace("ä".encode(), b"\xc3\x28")


def directory_of(size: int, told_entries: int = 1) -> bytes:
    """A jar that says how long its directory is, which holds nothing else than one entry after the other."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\x01\x02", *[0] * 9, 0, 0, 0, 0, 0, 0, 0)
    directory = entry * (size // len(entry))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, told_entries, told_entries, len(directory), 0, 0)
    return directory + end


HOSTILE = {
    "more entries than are told of": (lambda: directory_of(10_000_000), "it has more than 200000 entries"),
    "a huge directory": (lambda: directory_of(65 << 20), r"its directory has \d+ bytes; it may have 67108864"),
    "a name that is no text": (unreadable_name, "is not a jar"),
    "no zip": (lambda: b"#!/bin/sh\n", "is not a jar"),
    "nothing": (lambda: b"", "is not a jar"),
    "a cut one": (lambda: jar_of({"a": "b" * 1000})[:-10], "is not a jar"),
    "a bomb": (bomb, "it unpacks to 157286400 bytes"),
    "an entry above": (lambda: jar_of({"../x": "y"}), "an entry leads out of it"),
    "an entry far above": (lambda: jar_of({"a/../../x": "y"}), "an entry leads out of it"),
    "an absolute entry": (lambda: jar_of({"/etc/x": "y"}), "an entry leads out of it"),
    "an entry with backslashes": (lambda: jar_of({"..\\x": "y"}), "an entry leads out of it"),
    "an entry with a hidden name": (hidden_name, "an entry leads out of it"),
    "an entry before the beginning": (displaced, "an entry lies outside of it"),
    "a link": (with_link, "an entry is a link"),
    "an encrypted one": (encrypted, "it is encrypted"),
    "one of another compression": (
        lambda: jar_of({"a": "b"}, zipfile.ZIP_LZMA),
        "it is compressed in a way that Java cannot read",
    ),
    "an overlapping one": (overlapping, "its entries overlap"),
}


@pytest.mark.parametrize(("make", "told"), HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_honest_jar_is_refused(tmp_path: Path, make: object, told: str) -> None:
    file = tmp_path / "x"
    file.write_bytes(make())  # type: ignore[operator]
    with pytest.raises(Invalid, match=told) as refused:
        jars.check(file, "rules.jar")
    assert str(refused.value).startswith("rules.jar is ")
    assert str(tmp_path) not in str(refused.value)


def test_a_jar_of_ordinary_classes_passes(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(jar_of({"META-INF/MANIFEST.MF": "", "com/example/Rules.class": struct.pack(">I", 0xCAFEBABE)}))
    jars.check(file, "rules.jar")


def entry_of(tmp_path: Path, content: bytes, limit: int) -> bytes:
    (tmp_path / "x").write_bytes(content)
    with jars.opened(tmp_path / "x", "x") as jar:
        return jars.content(jar, jar.getinfo("a"), limit)


def test_an_entry_is_read_up_to_a_limit(tmp_path: Path) -> None:
    assert entry_of(tmp_path, jar_of({"a": "b" * 1000}), limit=1000) == b"b" * 1000
    with pytest.raises(Invalid, match="a is larger than 999 bytes"):
        entry_of(tmp_path, jar_of({"a": "b" * 1000}), limit=999)


def test_a_damaged_entry_is_told_of(tmp_path: Path) -> None:
    content = jar_of({"a": "b" * 1000}, zipfile.ZIP_STORED).replace(b"bbb", b"ccc", 1)
    with pytest.raises(Invalid, match="a is damaged: Bad CRC-32"):
        entry_of(tmp_path, content, limit=1000)


@pytest.mark.parametrize(
    ("manifest", "main"),
    [
        ("Manifest-Version: 1.0\r\nMain-Class: com.example.Rules\r\n\r\n", "com.example.Rules"),
        ("Main-Class: com.exam\r\n ple.Rules\r\n", "com.example.Rules"),
        ("main-class: com.example.Rules\nOther: x\n", "com.example.Rules"),
        ("Manifest-Version: 1.0\r\n", None),
        ("Not-Main-Class: x\r\n", None),
    ],
)
def test_the_main_class_is_the_one_of_the_manifest(tmp_path: Path, manifest: str, main: str | None) -> None:
    file = tmp_path / "x"
    file.write_bytes(jar_of({"META-INF/MANIFEST.MF": manifest}))
    assert jars.main_class(file, "rules.jar") == main


def test_a_jar_without_a_manifest_names_no_main_class(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(jar_of({"a": "b"}))
    assert jars.main_class(file, "rules.jar") is None


def test_a_damaged_manifest_is_told_of(tmp_path: Path) -> None:
    content = bytearray(jar_of({"META-INF/MANIFEST.MF": "Main-Class: a.B\n" * 100}))
    start = content.index(b"MANIFEST.MF") + len("MANIFEST.MF")
    content[start : start + 8] = b"\xff" * 8
    (tmp_path / "x.jar").write_bytes(content)
    with pytest.raises(Invalid, match="is not a jar"):
        jars.main_class(tmp_path / "x.jar", "x.jar")


def test_what_has_too_many_entries_is_refused_before_they_take_memory(tmp_path: Path) -> None:
    file = tmp_path / "x"
    file.write_bytes(directory_of(60 << 20))
    tracemalloc.start()
    with pytest.raises(Invalid):
        jars.check(file, "rules.jar")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2 * (60 << 20) + (1 << 20)  # the directory as it is, and the same with what precedes it
