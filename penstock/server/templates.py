"""Templates: create, list, update, delete."""

from dataclasses import replace

from penstock.dli import templates as wire
from penstock.domain.job import JobType
from penstock.domain.roles import Action
from penstock.domain.template import Template
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import database
from penstock.store import templates as stored


def create_template(context: Context, call: Call, body: wire.CreateBody) -> wire.Created:
    now = context.now_ms()
    empty = Template(0, call.project_id, "", JobType.SQL, created_at=now, updated_at=now)
    draft = wire.draft(empty, body)
    with context.database.write() as tx:
        database.alone(tx)
        return wire.created(stored.create(tx, draft))


def list_templates(context: Context, call: Call, query: wire.ListQuery) -> wire.Listed:
    with context.database.read() as tx:
        return wire.listed(*stored.page(tx, query.filter(call.project_id)))


def update_template(context: Context, call: Call, body: wire.UpdateBody) -> wire.Done:
    template_id = wire.read_id(call.names["template_id"])
    with context.database.write() as tx:
        database.alone(tx)
        changed = wire.wanted(stored.get(tx, call.project_id, template_id), body)
        stored.change(tx, replace(changed, updated_at=context.now_ms()))
    return wire.Done(message="Template updated.")


def delete_template(context: Context, call: Call) -> wire.Deleted:
    """Delete a template; jobs that were made of it hold a copy of its script."""
    template_id = wire.read_id(call.names["template_id"])
    with context.database.write() as tx:
        database.alone(tx)
        stored.delete(tx, call.project_id, template_id)
    return wire.Deleted(message="Template deleted.", template=wire.Id(template_id))


_TEMPLATES = "/v1.0/{project_id}/streaming/job-templates"
_TEMPLATE = f"{_TEMPLATES}/{{template_id}}"
OPERATIONS = (
    operation("POST", _TEMPLATES, Action.CHANGE_TEMPLATES, create_template),
    operation("GET", _TEMPLATES, Action.READ_TEMPLATES, list_templates),
    operation("PUT", _TEMPLATE, Action.CHANGE_TEMPLATES, update_template),
    operation("DELETE", _TEMPLATE, Action.CHANGE_TEMPLATES, delete_template),
)
