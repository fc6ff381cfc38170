"""SQL jobs on the wire: create and update."""

from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from penstock.dli import drafts, jobs
from penstock.dli.config import Address, AtLeastZero, Document
from penstock.dli.drafts import DraftBody, Name, Tags
from penstock.domain.errors import NotAllowed
from penstock.domain.job import Job, JobType, RunMode
from penstock.domain.template import Template


class UpdateBody(DraftBody, kw_only=True):
    """What an update may change; None means not given."""

    sql_body: Annotated[str, Meta(max_length=1024 * 1024)] | None = None
    run_mode: RunMode | None = None
    idle_state_retention: AtLeastZero | None = None
    udf_jar_url: Address | None = None
    dirty_data_strategy: object = None
    operator_config: Document | None = None
    static_estimator_config: Document | None = None


class CreateBody(UpdateBody, kw_only=True):
    name: Name
    job_type: Literal["flink_sql_job", "flink_opensource_sql_job", "flink_sql_edge_job"] | None = None
    template_id: jobs.Id | None = None
    tags: Tags | None = None


def wanted_template(body: CreateBody) -> int | None:
    """Say which template the script is to be taken of: the call's own script counts before it."""
    return None if body.sql_body else body.template_id


def of_template(body: CreateBody, template: Template) -> CreateBody:
    """Put in the script of a template, and its type unless the call names one."""
    job_type = body.job_type or template.type.value
    return msgspec.structs.replace(body, sql_body=template.sql, job_type=job_type)


def draft(empty: Job, body: CreateBody) -> Job:
    """Fill in a job that has its owner and times already; raises `Invalid` or `NotAllowed`."""
    job_type = JobType(body.job_type or JobType.OPENSOURCE_SQL)
    if job_type is JobType.EDGE_SQL:
        raise NotAllowed("job_type flink_sql_edge_job is not supported: there are no edge nodes")
    return replace(wanted(empty, body), type=job_type, tags=drafts.tags(body.tags))


def wanted(job: Job, body: UpdateBody) -> Job:
    """Lay what was given over the job; raises `Invalid` or `NotAllowed`."""
    if job.type is JobType.JAR:
        raise NotAllowed(f"job {job.id} is a jar job; update it as one")
    if body.run_mode is RunMode.EDGE:
        raise NotAllowed("run_mode edge_node is not supported: there are no edge nodes")
    given = drafts.present({"sql": body.sql_body, "run_mode": body.run_mode})
    return replace(drafts.laid_over(job, body), **given)
