"""SQL jobs on the wire: create and update."""

import unicodedata
from dataclasses import replace
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.dli import config, jobs
from penstock.dli.config import SettingsBody
from penstock.domain.errors import Invalid, NotAllowed, NotFound
from penstock.domain.job import Job, JobType, RunMode

_CONTROL_OR_FORMAT = ("Cc", "Cf")
"""Unicode's categories of what is not seen, but breaks lines or turns their direction."""

Name = Annotated[str, Meta(min_length=1, max_length=57)]
TagKey = Annotated[str, Meta(min_length=1, max_length=128)]
TagValue = Annotated[str, Meta(max_length=255)]


class Tag(msgspec.Struct):
    key: TagKey
    value: TagValue = ""


class UpdateBody(SettingsBody, kw_only=True):
    """What an update may change; None means not given."""

    name: Name | None = None
    desc: Annotated[str, Meta(max_length=512)] | None = None
    queue_name: Annotated[str, Meta(max_length=128)] | None = None
    sql_body: Annotated[str, Meta(max_length=1024 * 1024)] | None = None
    run_mode: RunMode | None = None


class CreateBody(UpdateBody, kw_only=True):
    name: Name
    job_type: Literal["flink_sql_job", "flink_opensource_sql_job", "flink_sql_edge_job"] | None = None
    template_id: jobs.Id | None = None
    tags: Annotated[list[Tag], Meta(max_length=jobs.MOST_TAGS)] | None = None


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


def draft(empty: Job, body: CreateBody, flink_lines: frozenset[str]) -> Job:
    """Fill in a job that has its owner and times already; raises `Invalid`, `NotAllowed` or `NotFound`."""
    if body.template_id is not None and not body.sql_body:
        raise NotFound(f"template {body.template_id} does not exist")
    job_type = JobType(body.job_type or JobType.OPENSOURCE_SQL)
    if job_type is JobType.EDGE_SQL:
        raise NotAllowed("job_type flink_sql_edge_job is not supported: there are no edge nodes")
    return replace(wanted(empty, body, flink_lines), type=job_type, tags=_tags(body.tags or []))


def wanted(job: Job, body: UpdateBody, flink_lines: frozenset[str]) -> Job:
    """Lay what was given over the job; raises `Invalid` or `NotAllowed`."""
    if body.run_mode is RunMode.EDGE:
        raise NotAllowed("run_mode edge_node is not supported: there are no edge nodes")
    if body.name is not None and not _is_name(body.name):
        raise Invalid("name must not be blank, nor hold control or format characters (Unicode Cc, Cf)")
    given: dict[str, Any] = {
        "name": body.name,
        "description": body.desc,
        "queue": body.queue_name,
        "sql": body.sql_body,
        "run_mode": body.run_mode,
    }
    present = {name: value for name, value in given.items() if value is not None}
    return replace(job, config=config.merged(job.config, body, flink_lines), **present)


def _is_name(text: str) -> bool:
    return not text.isspace() and not any(unicodedata.category(each) in _CONTROL_OR_FORMAT for each in text)


def _tags(tags: list[Tag]) -> dict[str, str]:
    for tag in tags:
        if tag.key.startswith("_sys_") or tag.key != tag.key.strip():
            raise Invalid("tags: a key must not start with _sys_, nor begin or end with a blank")
    named = {tag.key: tag.value for tag in tags}
    if len(named) < len(tags):
        raise Invalid("tags: a key must not be given twice")
    return named
