"""Queues: create, list, show, change the size, delete; and, of ours alone, release, and forget the jobs of one."""

from sqlalchemy import Connection

from penstock.dli import queues as wire
from penstock.domain import calls, resources
from penstock.domain.errors import Forbidden, NotAllowed
from penstock.domain.queue import Queue
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import jobs, members
from penstock.store import queues as stored

_MOST_NAMED = 10


def create_queue(context: Context, call: Call, body: wire.CreateBody) -> wire.Done:
    draft = wire.draft(body, call.project_id, call.user_name)
    with context.database.write() as tx:
        stored.create(tx, draft, context.now_ms())
    context.wake()
    return wire.Done("Queue created.", draft.name)


def list_queues(context: Context, call: Call, query: wire.ListQuery) -> wire.QueueList:
    with context.database.read() as tx:
        page = query.page(stored.visible(tx, call.project_id))
        return wire.QueueList([wire.listed(queue, _state(context, tx, queue)) for queue in page])


def show_queue(context: Context, call: Call) -> wire.ShownAlone:
    with context.database.read() as tx:
        queue = stored.find(tx, call.project_id, call.names["queue_name"])
        return wire.shown(queue, _state(context, tx, queue))


def act_on_queue(context: Context, call: Call, body: wire.ActionBody) -> wire.Done:
    with context.database.write() as tx:
        queue = wire.resized(of_project(tx, call.project_id, call.names["queue_name"]), body)
        stored.resize(tx, queue.id, queue.cus)
    context.wake()
    return wire.Done(f"The queue has {queue.cus} CUs now.", queue.name)


def delete_queue(context: Context, call: Call) -> wire.Done:
    """Delete a queue; jobs at rest that name it stay, and cannot run until it is there again."""
    with context.database.write() as tx:
        queue = of_project(tx, call.project_id, call.names["queue_name"])
        active = jobs.active(tx, queue)
        if active:
            named = ", ".join(str(job.id) for job in active[:_MOST_NAMED])
            more = f" and {len(active) - _MOST_NAMED} more" if len(active) > _MOST_NAMED else ""
            raise NotAllowed(f"queue {queue.name!r} has active jobs, {named}{more}: stop them first")
        stored.delete(tx, queue.id)
    context.wake()
    return wire.Done("Queue deleted.", queue.name)


def release_queue(context: Context, call: Call) -> wire.Done:
    """Let the queue be kept elsewhere, now that the host of its cluster is lost for ever."""
    with context.database.write() as tx:
        queue = stored.find_to_change(tx, call.project_id, call.names["queue_name"])
        if queue.project_id is None and call.project_id != members.first_project(tx):
            raise Forbidden(
                f"queue {queue.name!r} is the service's own: the project of its first start releases it"
            )
        if stored.keeping(tx, queue.id).until > context.now_ms():
            raise NotAllowed(f"queue {queue.name!r} is kept by a process that lives: there is nothing to release")
        stored.release(tx, queue.id)
    context.wake()
    return wire.Done("Queue released.", queue.name)


def forget_jobs(context: Context, call: Call) -> wire.Done:
    """Bring all jobs of a queue to rest whose cluster, which others kept, is lost for ever."""
    with context.database.write() as tx:
        queue, now = of_project(tx, call.project_id, call.names["queue_name"]), context.now_ms()
        if queue.rest_url is None:
            raise NotAllowed(f"the service keeps the clusters of queue {queue.name!r} itself: stop its jobs")
        active = [jobs.get_any(tx, job.id) for job in jobs.active(tx, queue)]
        for job in active:
            jobs.record(tx, job, calls.forget(job, now), now, call.actor)
    context.wake()
    return wire.Done(f"Jobs that were forgotten: {len(active)}.", queue.name)


def of_project(tx: Connection, project_id: str, name: str) -> Queue:
    """Find a queue to change; raises `NotAllowed` for one of the service's own."""
    queue = stored.find_to_change(tx, project_id, name)
    if queue.project_id is None:
        raise NotAllowed(f"queue {queue.name!r} is the service's own: its settings say what it is")
    return queue


def _state(context: Context, tx: Connection, queue: Queue) -> wire.State:
    keeping = stored.keeping(tx, queue.id)
    is_kept = keeping.until > context.now_ms()
    host = keeping.place.partition(":")[0] if keeping.place else None
    return wire.State(
        used_cus=sum(resources.held(job) for job in jobs.active(tx, queue)),
        where=queue.rest_url or host,
        not_ready=queue.not_ready if is_kept else _not_kept(host),
        flink_line=context.flink_line if queue.rest_url is None else None,
    )


def _not_kept(host: str | None) -> str:
    if host is None:
        return "no service has taken it up yet"
    return f"the service that keeps it does not run; its cluster is on {host}"


_QUEUES = "/v1.0/{project_id}/queues"
_QUEUE = f"{_QUEUES}/{{queue_name}}"
OPERATIONS = (
    operation("POST", _QUEUES, Action.CHANGE_QUEUES, create_queue),
    operation("GET", _QUEUES, Action.READ_QUEUES, list_queues),
    operation("GET", _QUEUE, Action.READ_QUEUES, show_queue),
    operation("DELETE", _QUEUE, Action.CHANGE_QUEUES, delete_queue),
    operation("PUT", f"{_QUEUE}/action", Action.CHANGE_QUEUES, act_on_queue),
    operation("POST", "/penstock/v1/{project_id}/queues/{queue_name}/release", Action.CHANGE_QUEUES, release_queue),
    operation("POST", "/penstock/v1/{project_id}/queues/{queue_name}/forget", Action.CHANGE_QUEUES, forget_jobs),
)
