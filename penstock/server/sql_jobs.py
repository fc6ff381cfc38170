"""SQL jobs: create and update."""

from penstock.dli import encoding
from penstock.dli import sql_jobs as wire
from penstock.domain import calls, queue
from penstock.domain.errors import NotAllowed
from penstock.domain.job import Job, JobType
from penstock.server.auth import Call, signed
from penstock.server.jobs import change
from penstock.server.operation import Answer, Context, Operation, json
from penstock.store import jobs as stored
from penstock.store import queues


def create_sql_job(context: Context, call: Call) -> Answer:
    body = encoding.read_body(call.body, wire.CreateBody)
    body.queue_name = _existing_queue(context, call, body.queue_name or "")
    with context.database.write() as tx:
        now = context.now_ms()
        empty = Job(
            id=0,
            project_id=call.project_id,
            user_id=call.user_id,
            user_name=call.user_name,
            type=JobType.OPENSOURCE_SQL,
            name="",
            queue="",
            created_at=now,
            updated_at=now,
            written_at=now,
        )
        job = stored.create(tx, wire.draft(empty, body, context.flink_lines), call.actor)
    return json(wire.created(job))


def update_sql_job(context: Context, call: Call) -> Answer:
    job_id = encoding.read_job_id(call.job_id)
    body = encoding.read_body(call.body, wire.UpdateBody)
    if body.queue_name is not None:
        body.queue_name = _existing_queue(context, call, body.queue_name)

    def update(job: Job, now: int) -> Job:
        if job.type is JobType.JAR:
            raise NotAllowed(f"job {job.id} is a jar job; update it as one")
        return calls.request_update(job, wire.wanted(job, body, context.flink_lines), now)

    return json(wire.updated(change(context, call, job_id, update)))


def _existing_queue(context: Context, call: Call, name: str) -> str:
    """Return the name of a queue, of the default one for an empty name; raises `NotFound`."""
    with context.database.read() as tx:
        return queues.find(tx, call.project_id, name or queue.DEFAULT).name


_PATH = "/v1.0/{project_id}/streaming/sql-jobs"
OPERATIONS = (
    Operation("create_sql_job", "POST", _PATH, signed(create_sql_job)),
    Operation("update_sql_job", "PUT", f"{_PATH}/{{job_id}}", signed(update_sql_job)),
)
