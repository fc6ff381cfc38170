"""Templates on the wire (DLI: create, list, update, delete template); `is_success` is a JSON boolean here."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from penstock.dli import drafts, encoding, jobs
from penstock.dli.drafts import Tags
from penstock.dli.encoding import LARGEST_ID
from penstock.domain.job import JobType
from penstock.domain.template import Template, TemplateFilter

Name = Annotated[str, Meta(min_length=1, max_length=64)]


class UpdateBody(msgspec.Struct, kw_only=True):
    """What an update may change; None means not given."""

    name: Name | None = None
    desc: Annotated[str, Meta(max_length=2048)] | None = None
    sql_body: Annotated[str, Meta(max_length=1024 * 1024)] | None = None


class CreateBody(UpdateBody, kw_only=True):
    name: Name
    tags: Tags | None = None
    job_type: Literal["flink_sql_job", "flink_opensource_sql_job"] = "flink_sql_job"


class ListQuery(msgspec.Struct, kw_only=True):
    name: Annotated[str, Meta(max_length=64)] = ""
    tags: str = ""
    offset: Annotated[int, Meta(ge=0, le=LARGEST_ID)] = 0
    limit: Annotated[int, Meta(ge=0, le=100)] = 10
    order: Literal["asc", "desc"] = "desc"

    def filter(self, project_id: str) -> TemplateFilter:
        """Say which templates are wanted; raises `Invalid`."""
        return TemplateFilter(
            project_id=project_id,
            name_part=self.name,
            tags=jobs.read_tags(self.tags),
            descending=self.order == "desc",
            offset=self.offset,
            limit=self.limit,
        )


class Head(msgspec.Struct):
    """A template without its script."""

    template_id: int
    name: str
    desc: str
    create_time: int
    job_type: str


class Shown(Head):
    update_time: int
    sql_body: str


class TemplateList(msgspec.Struct):
    total_count: int
    templates: Sequence[Shown]


class Id(msgspec.Struct):
    template_id: int


class Done(msgspec.Struct, kw_only=True):
    is_success: bool = True
    message: str


class Created(Done, kw_only=True):
    template: Head


class Listed(Done, kw_only=True):
    template_list: TemplateList


class Deleted(Done, kw_only=True):
    template: Id


def read_id(text: str) -> int:
    """Read the template id of a path; raises `Invalid`."""
    return encoding.read_integer("template_id", text)


def draft(empty: Template, body: CreateBody) -> Template:
    """Fill in a template that has its project and times already; raises `Invalid`."""
    return replace(wanted(empty, body), type=JobType(body.job_type), tags=drafts.tags(body.tags))


def wanted(template: Template, body: UpdateBody) -> Template:
    """Lay what was given over the template; raises `Invalid`."""
    drafts.check_name(body.name)
    given = {"name": body.name, "description": body.desc, "sql": body.sql_body}
    return replace(template, **drafts.present(given))


def created(template: Template) -> Created:
    return Created(message="Template created.", template=Head(*_head(template)))


def listed(templates: Sequence[Template], total: int) -> Listed:
    shown = [Shown(*_head(each), update_time=each.updated_at, sql_body=each.sql) for each in templates]
    return Listed(message="", template_list=TemplateList(total, shown))


def _head(template: Template) -> tuple[int, str, str, int, str]:
    return template.id, template.name, template.description, template.created_at, template.type.value
