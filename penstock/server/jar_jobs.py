"""Jar jobs: create and update."""

from penstock.dli import jar_jobs as wire
from penstock.server import drafts
from penstock.server.auth import Call, signed
from penstock.server.operation import Answer, Context, Operation


def create_jar_job(context: Context, call: Call) -> Answer:
    return drafts.create(context, call, wire.CreateBody, wire.draft)


def update_jar_job(context: Context, call: Call) -> Answer:
    return drafts.update(context, call, wire.UpdateBody, wire.wanted)


_PATH = "/v1.0/{project_id}/streaming/flink-jobs"
OPERATIONS = (
    Operation("create_jar_job", "POST", _PATH, signed(create_jar_job)),
    Operation("update_jar_job", "PUT", f"{_PATH}/{{job_id}}", signed(update_jar_job)),
)
