"""SQL jobs: create and update."""

from penstock.dli import sql_jobs as wire
from penstock.server import drafts
from penstock.server.auth import Call, signed
from penstock.server.operation import Answer, Context, Operation


def create_sql_job(context: Context, call: Call) -> Answer:
    return drafts.create(context, call, wire.CreateBody, wire.draft)


def update_sql_job(context: Context, call: Call) -> Answer:
    return drafts.update(context, call, wire.UpdateBody, wire.wanted)


_PATH = "/v1.0/{project_id}/streaming/sql-jobs"
OPERATIONS = (
    Operation("create_sql_job", "POST", _PATH, signed(create_sql_job)),
    Operation("update_sql_job", "PUT", f"{_PATH}/{{job_id}}", signed(update_sql_job)),
)
