"""Jar jobs: create and update."""

from penstock.dli import jar_jobs as wire
from penstock.dli.drafts import CreateAnswer, UpdateAnswer
from penstock.domain.roles import Action
from penstock.server import drafts
from penstock.server.auth import Call, operation
from penstock.server.operation import Context


def create_jar_job(context: Context, call: Call, body: wire.CreateBody) -> CreateAnswer:
    return drafts.create(context, call, body, wire.draft)


def update_jar_job(context: Context, call: Call, body: wire.UpdateBody) -> UpdateAnswer:
    return drafts.update(context, call, body, wire.wanted)


_PATH = "/v1.0/{project_id}/streaming/flink-jobs"
OPERATIONS = (
    operation("POST", _PATH, Action.CREATE_JOB, create_jar_job, is_repeatable=True),
    operation("PUT", f"{_PATH}/{{job_id}}", Action.UPDATE_JOB, update_jar_job),
)
