"""`penstock queues`: create, list, show, resize, delete, release, forget."""

from collections.abc import Mapping

from penstock.cli import connection, tables
from penstock.cli.failure import fail

_LIST: tables.Columns = {
    "name": "queue_name",
    "cus": "cu_count",
    "used": lambda queue: f"{queue['used_cu']:g}",
    "slots": lambda queue: str(queue["penstock"]["slots"] or ""),
    "isolation": lambda queue: queue["penstock"]["isolation"],
    "where": lambda queue: queue["penstock"]["where"] or "",
    "ready": lambda queue: queue["penstock"]["not_ready"] or "yes",
}
_WHY_SURE = (
    "releasing a queue whose host still lives, or comes back, lets its jobs run twice and write twice; "
    "if nothing there lives any more, say so with --host-is-lost"
)
_WHY_LOST = (
    "a job that is forgotten is not stopped: if its cluster still lives somewhere it runs on and writes, also "
    "beside its next run on another queue; if the cluster never comes back, say so with --cluster-is-lost"
)


def show_list(*, as_json: bool) -> None:
    with connection.opened() as client:
        queues = client.list_queues()
    tables.show(queues, _LIST, as_json=as_json)


def show(name: str, *, as_json: bool) -> None:
    with connection.opened() as client:
        queue = client.show_queue(name)
    if as_json:
        tables.show_json(queue)
        return
    queue |= queue.pop("penstock") | {"create_time": tables.time(queue["create_time"])}
    fields = [{"field": field, "value": value} for field, value in queue.items() if value not in (None, "")]
    tables.show(fields, {"field": "field", "value": "value"}, as_json=False)


def create(name: str, cus: int, own: Mapping[str, object], description: str) -> None:
    with connection.opened() as client:
        client.create_queue(name, cus, description=description, penstock=own)
    print(f"created queue {name.lower()}")


def resize(name: str, cus: int) -> None:
    with connection.opened() as client:
        more = cus - client.show_queue(name)["cu_count"]
        if more:
            client.resize_queue(name, more)
    print(f"queue {name.lower()} has {cus} CUs")


def delete(name: str) -> None:
    with connection.opened() as client:
        client.delete_queue(name)
    print(f"deleted queue {name.lower()}")


def release(name: str, *, host_is_lost: bool) -> None:
    if not host_is_lost:
        fail(_WHY_SURE)
    with connection.opened() as client:
        client.release_queue(name)
    print(f"released queue {name.lower()}: the next service that finds it free keeps it")


def forget(name: str, *, cluster_is_lost: bool) -> None:
    if not cluster_is_lost:
        fail(_WHY_LOST)
    with connection.opened() as client:
        print(client.forget_jobs(name))
