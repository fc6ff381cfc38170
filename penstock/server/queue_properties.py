"""Properties of queues: list, set, take away."""

from collections.abc import Callable, Mapping

from penstock.dli import queue_properties as wire
from penstock.dli import queues as queue_wire
from penstock.dli.pages import PageQuery
from penstock.domain.roles import Action
from penstock.server import queues
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import queues as stored


def list_queue_properties(context: Context, call: Call, query: PageQuery) -> wire.List:
    with context.database.read() as tx:
        queue = stored.find(tx, call.project_id, call.names["queue_name"])
    return wire.listed(queue_wire.properties_of(queue), query)


def put_queue_properties(context: Context, call: Call, body: wire.PutBody) -> queue_wire.Done:
    given = wire.read(body.properties)
    return _change(context, call, lambda present: {**present, **given})


def delete_queue_properties(context: Context, call: Call, body: wire.DeleteBody) -> queue_wire.Done:
    """Take properties away; those that are not there do not matter."""
    return _change(context, call, lambda present: {k: v for k, v in present.items() if k not in body.keys})


def _change(
    context: Context, call: Call, change: Callable[[Mapping[str, str]], Mapping[str, str]]
) -> queue_wire.Done:
    with context.database.write() as tx:
        queue = queues.of_project(tx, call.project_id, call.names["queue_name"])
        properties = change(queue_wire.properties_of(queue))
        stored.put_traits(tx, queue.id, queue_wire.with_traits(queue, properties=properties))
    return queue_wire.Done("Properties of the queue changed.", queue.name)


_PATH = "/v3/{project_id}/queues/{queue_name}/properties"
OPERATIONS = (
    operation("GET", _PATH, Action.READ_QUEUES, list_queue_properties),
    operation("POST", _PATH, Action.CHANGE_QUEUES, put_queue_properties, name="create_queue_properties"),
    operation("PUT", _PATH, Action.CHANGE_QUEUES, put_queue_properties, name="update_queue_properties"),
    operation("DELETE", _PATH, Action.CHANGE_QUEUES, delete_queue_properties),
)
