"""Elastic resource pools: which queues name one."""

from penstock.dli import pools as wire
from penstock.dli import queues as queue_wire
from penstock.domain.errors import NotAllowed
from penstock.domain.roles import Action
from penstock.server import queues
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import queues as stored


def list_queues_of_pool(context: Context, call: Call, query: wire.ListQuery) -> wire.List:
    with context.database.read() as tx:
        return wire.listed(call.names["pool_name"], stored.visible(tx, call.project_id), query)


def join_pool(context: Context, call: Call, body: wire.JoinBody) -> queue_wire.Done:
    """Let a queue that names no pool name this one."""
    with context.database.write() as tx:
        queue = queues.of_project(tx, call.project_id, body.queue_name)
        if queue_wire.traits(queue).elastic_resource_pool_name:
            raise NotAllowed(f"queue {queue.name!r} belongs to a pool already")
        traits = queue_wire.with_traits(queue, elastic_resource_pool_name=call.names["pool_name"])
        stored.put_traits(tx, queue.id, traits)
    return queue_wire.Done("The queue names the pool now.", queue.name)


_PATH = "/v3/{project_id}/elastic-resource-pools/{pool_name}/queues"
OPERATIONS = (
    operation("GET", _PATH, Action.READ_QUEUES, list_queues_of_pool),
    operation("POST", _PATH, Action.CHANGE_QUEUES, join_pool),
)
