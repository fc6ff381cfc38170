"""Create and update of jobs of any type: what is read, checked and written around the shape of each."""

from collections.abc import Callable
from typing import TypeVar

from penstock.dli import drafts as wire
from penstock.dli import encoding
from penstock.dli.drafts import DraftBody
from penstock.domain import bucket, calls, queue
from penstock.domain.errors import Invalid
from penstock.domain.job import Job, JobType
from penstock.server.auth import Call
from penstock.server.jobs import change
from penstock.server.operation import Context
from penstock.store import jobs as stored
from penstock.store import queues

Body = TypeVar("Body", bound=DraftBody)
Fill = Callable[[Job, Body], Job]
"""Lays a body over a job; raises `Invalid`, `NotAllowed` or `NotFound`."""


def create(context: Context, call: Call, body: Body, fill: Fill[Body]) -> wire.CreateAnswer:
    return wire.created(put(context, call, body, fill, covers=False))


def put(context: Context, call: Call, body: Body, fill: Fill[Body], *, covers: bool) -> Job:
    """Create a job, or put it in place of the one of its name, if it `covers` that."""
    body.queue_name = _existing_queue(context, call, body.queue_name or "")
    with context.database.write() as tx:
        now = context.now_ms()
        wanted = _filled(context, _empty(call, now), body, fill)
        before = stored.named(tx, call.project_id, wanted.name) if covers else None
        if before is None:
            stored.check_room(tx, call.project_id, context.jobs_per_project)
            return stored.create(tx, wanted, call.actor)
        after = stored.record(tx, before, calls.request_replacement(before, wanted), now, call.actor)
        assert after is not None  # nobody else could write it since it was read
        stored.put_tags(tx, after.id, after.tags)
        return after


def update(context: Context, call: Call, body: Body, fill: Fill[Body]) -> wire.UpdateAnswer:
    job_id = encoding.read_job_id(call.job_id)
    if body.queue_name is not None:
        body.queue_name = _existing_queue(context, call, body.queue_name)

    def updated(job: Job, now: int) -> Job:
        return calls.request_update(job, _filled(context, job, body, fill), now)

    return wire.updated(change(context, call, job_id, updated))


def _empty(call: Call, now: int) -> Job:
    return Job(
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


def _filled(context: Context, job: Job, body: Body, fill: Fill[Body]) -> Job:
    wanted = fill(job, body)
    before, after = job.config, wanted.config
    if after.bucket != before.bucket and after.bucket:
        _check_bucket(context, job, "obs_bucket", after.bucket)
    if after.checkpoint_path != before.checkpoint_path and after.checkpoint_path:
        _check_bucket(context, job, "checkpoint_path", bucket.split(after.checkpoint_path)[0])
    return wanted


def _check_bucket(context: Context, job: Job, field: str, name: str) -> None:
    if not context.knows_bucket(job.project_id, name):
        raise Invalid(f"{field}: {bucket.unknown(name)}")


def _existing_queue(context: Context, call: Call, name: str) -> str:
    """Return the name of a queue, of the default one for an empty name; raises `NotFound`."""
    with context.database.read() as tx:
        return queues.find(tx, call.project_id, name or queue.DEFAULT).name
