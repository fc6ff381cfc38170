"""SQL jobs: create and update."""

from penstock.dli import sql_jobs as wire
from penstock.dli.drafts import CreateAnswer, UpdateAnswer
from penstock.domain.roles import Action
from penstock.server import drafts
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import templates


def create_sql_job(context: Context, call: Call, body: wire.CreateBody) -> CreateAnswer:
    template_id = wire.wanted_template(body)
    if template_id is not None:
        with context.database.read() as tx:
            body = wire.of_template(body, templates.get(tx, call.project_id, template_id))
    return drafts.create(context, call, body, wire.draft)


def update_sql_job(context: Context, call: Call, body: wire.UpdateBody) -> UpdateAnswer:
    return drafts.update(context, call, body, wire.wanted)


_PATH = "/v1.0/{project_id}/streaming/sql-jobs"
OPERATIONS = (
    operation("POST", _PATH, Action.CREATE_JOB, create_sql_job, is_repeatable=True),
    operation("PUT", f"{_PATH}/{{job_id}}", Action.UPDATE_JOB, update_sql_job),
)
