"""What create and update have in common for SQL jobs and jar jobs."""

import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from penstock.dli import config, jobs
from penstock.dli.config import SettingsBody
from penstock.domain.errors import Invalid
from penstock.domain.job import Job

_CONTROL_OR_FORMAT = ("Cc", "Cf")
"""Unicode's categories of what is not seen, but breaks lines or turns their direction."""

Name = Annotated[str, Meta(min_length=1, max_length=57)]
TagKey = Annotated[str, Meta(min_length=1, max_length=128)]
TagValue = Annotated[str, Meta(max_length=255)]


class Tag(msgspec.Struct):
    key: TagKey
    value: TagValue = ""


Tags = Annotated[list[Tag], Meta(max_length=jobs.MOST_TAGS)]


class DraftBody(SettingsBody, kw_only=True):
    """What an update of any job may change; None means not given."""

    name: Name | None = None
    desc: Annotated[str, Meta(max_length=512)] | None = None
    queue_name: Annotated[str, Meta(max_length=128)] | None = None


class CreatedJob(msgspec.Struct):
    job_id: int
    status_name: str
    status_desc: str


class CreateAnswer(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = "Job created."
    job: CreatedJob


class UpdatedJob(msgspec.Struct):
    update_time: int


class UpdateAnswer(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = "Job updated."
    job: UpdatedJob


def created(job: Job) -> CreateAnswer:
    return CreateAnswer(job=CreatedJob(job.id, job.status.value, job.reason))


def updated(job: Job) -> UpdateAnswer:
    return UpdateAnswer(job=UpdatedJob(job.updated_at))


def laid_over(job: Job, body: DraftBody) -> Job:
    """Lay what every job has over this one, as far as it was given; raises `Invalid` or `NotAllowed`."""
    check_name(body.name)
    given = {"name": body.name, "description": body.desc, "queue": body.queue_name}
    settings = config.merged(job.config, body)
    return replace(job, config=settings, **present(given))


def present(given: Mapping[str, object]) -> dict[str, Any]:
    return {name: value for name, value in given.items() if value is not None}


def tags(given: list[Tag] | None) -> dict[str, str]:
    """Give the tags by key; raises `Invalid`."""
    for tag in given or ():
        if tag.key.startswith("_sys_") or tag.key != tag.key.strip():
            raise Invalid("tags: a key must not start with _sys_, nor begin or end with a blank")
    named = {tag.key: tag.value for tag in given or ()}
    if len(named) < len(given or ()):
        raise Invalid("tags: a key must not be given twice")
    return named


def check_name(text: str | None) -> None:
    """Check a name, if one is given; raises `Invalid`."""
    if text and (text.isspace() or any(unicodedata.category(each) in _CONTROL_OR_FORMAT for each in text)):
        raise Invalid("name must not be blank, nor hold control or format characters (Unicode Cc, Cf)")
