"""Packages: the jars and files that jobs name, as `group/name`, as `name`, or by an address `obs://bucket/key`."""

import re
import shlex
from dataclasses import dataclass, field
from enum import StrEnum

from penstock.domain import bucket
from penstock.domain.errors import Invalid
from penstock.domain.job import Job

_WORD = re.compile(r"\w[\w.+-]{0,127}")
_SCHEMES = ("obs://", "s3://")


class Kind(StrEnum):
    """What a package holds (DLI: upload package group, `kind`)."""

    JAR = "jar"
    PYTHON = "pyFile"
    FILE = "file"
    MODEL = "modelFile"


@dataclass(frozen=True, order=True)
class Name:
    """Names one package of a project."""

    group: str
    """Empty: it is in none."""
    name: str

    def __str__(self) -> str:
        return f"{self.group}/{self.name}" if self.group else self.name


@dataclass(frozen=True)
class Package:
    """A package of a project; `content` is the SHA-256 of its bytes, by which they are stored."""

    project_id: str
    name: Name
    kind: Kind
    content: str
    size: int
    owner: str
    source: str
    """Where it was uploaded from: an address, or the name of a file."""
    created_at: int
    updated_at: int
    tags: dict[str, str] = field(default_factory=dict)


def named(group: str, name: str) -> Name:
    """Make a name; raises `Invalid`."""
    for word in (group, name) if group else (name,):
        if not _WORD.fullmatch(word):
            raise Invalid(
                f"{word!r} is not the name of a package or group: 1 to 128 letters, digits and _ . + -, "
                "the first a letter, digit or underscore"
            )
    return Name(group, name)


def refer(text: str) -> Name | str:
    """Read how a job names a jar or file: the package, or the address of an object; raises `Invalid`."""
    if text.startswith(_SCHEMES):
        _, parts = bucket.split("obs://" + text.partition("://")[2])
        if not parts or text.endswith("/"):
            raise Invalid(f"{text!r} names no file: obs://bucket/folder/file")
        return text
    group, slash, name = text.rpartition("/")
    if "://" in text or (slash and not group):
        raise Invalid(
            f"{text!r} is neither a package (group/name or name) nor an address (obs://bucket/folder/file)"
        )
    return named(group, name)


def file_name(text: str) -> str:
    """Give the last part of such a reference."""
    return text.rpartition("/")[2]


def kind_of(name: str) -> Kind:
    """Guess from the name of a file what it holds."""
    return {"jar": Kind.JAR, "py": Kind.PYTHON}.get(_split(name)[1], Kind.FILE)


def python_file(reference: str) -> str | None:
    """Name the file that Python finds this code in, a module or several in a zip; None for what is none.

    Raises `Invalid` for a module that cannot be imported.
    """
    name = file_name(reference)
    stem, suffix = _split(name)
    if suffix == "py" and not stem.isidentifier():
        raise Invalid(f"{stem!r} is not a name that Python can import; call {reference} otherwise")
    return {"py": name, "zip": "functions.zip"}.get(suffix)


def _split(name: str) -> tuple[str, str]:
    """Split the name of a file into its stem and its suffix."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, suffix) if dot else (name, "")


def split_arguments(text: str | None) -> list[str]:
    """Split the arguments of a program as a shell does, which nobody starts; raises `Invalid`."""
    try:
        return shlex.split(text or "")
    except ValueError as error:
        raise Invalid(f"a shell could not split it: {error}") from None


def references(job: Job) -> list[str]:
    """List what a job names, outside of its script."""
    program = job.program
    named = (program.entrypoint, *program.dependency_jars, *program.dependency_files) if program else ()
    return [each for each in (*named, job.config.udf_jar_url) if each]
