"""Jar jobs on the wire: create and update (DLI: create jar job)."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Literal

from msgspec import Meta

from penstock.dli import drafts, encoding
from penstock.dli.config import Address, Document, Word
from penstock.dli.drafts import DraftBody, Name, Tags
from penstock.domain import package
from penstock.domain.errors import Invalid, NotAllowed
from penstock.domain.job import JarProgram, Job, JobType

_CLASS = re.compile(r"[^\W\d][\w$]*(?:\.[^\W\d][\w$]*)*")
References = Annotated[list[Address], Meta(max_length=100)]


class UpdateBody(DraftBody, kw_only=True):
    """What an update may change; None means not given."""

    job_type: Literal["flink_jar_job"] | None = None
    entrypoint: Address | None = None
    main_class: Word | None = None
    entrypoint_args: Document | None = None
    dependency_jars: References | None = None
    dependency_files: References | None = None
    checkpoint_path: Address | None = None
    feature: Word | None = None
    image: Word | None = None


class CreateBody(UpdateBody, kw_only=True):
    name: Name
    tags: Tags | None = None


def draft(empty: Job, body: CreateBody) -> Job:
    """Fill in a job that has its owner and times already; raises `Invalid` or `NotAllowed`."""
    blank = replace(empty, type=JobType.JAR, program=JarProgram(), tags=drafts.tags(body.tags))
    return wanted(blank, body)


def wanted(job: Job, body: UpdateBody) -> Job:
    """Lay what was given over the job; raises `Invalid` or `NotAllowed`."""
    if job.program is None:
        raise NotAllowed(f"job {job.id} is not a jar job; update it as a SQL job")
    _check_image(body)
    given = drafts.present(
        {
            "entrypoint": _checked("entrypoint", body.entrypoint, package.refer),
            "main_class": _checked("main_class", body.main_class, _check_class),
            "arguments": _checked("entrypoint_args", body.entrypoint_args, package.split_arguments),
            "dependency_jars": _references("dependency_jars", body.dependency_jars),
            "dependency_files": _references("dependency_files", body.dependency_files),
        }
    )
    cleared = {name: value or None for name, value in given.items() if not isinstance(value, tuple)}
    return replace(drafts.laid_over(job, body), program=replace(job.program, **(given | cleared)))


def _checked(name: str, text: str | None, check: Callable[[str], object]) -> str | None:
    """Return a text that passes the check, or is empty, which clears it; raises `Invalid`."""
    if text:
        with encoding.naming(name):
            check(text)
    return text


def _references(name: str, given: list[str] | None) -> tuple[str, ...] | None:
    if given is None:
        return None
    for each in given:
        with encoding.naming(name):
            package.refer(each)
    files = [package.file_name(each) for each in given]
    if len(set(files)) < len(files):
        raise Invalid(f"{name}: two of them have the same file name, and would hide each other")
    return tuple(given)


def _check_class(name: str) -> None:
    if not _CLASS.fullmatch(name):
        raise Invalid(f"{name!r} is not the full name of a Java class")


def _check_image(body: UpdateBody) -> None:
    if body.image or (body.feature or "basic").lower() == "custom":
        raise NotAllowed("feature custom is not supported: no containers are started, so no image can be used")
    if body.feature and body.feature.lower() != "basic":
        raise Invalid("feature must be basic or custom")
