"""Tags of jobs, queues and packages: one set of calls for each of these, with paths that name its kind."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection

from penstock.dli import drafts, encoding
from penstock.dli import queues as queue_wire
from penstock.dli import resources as package_wire
from penstock.dli import tags as wire
from penstock.dli.pages import PageQuery
from penstock.domain import tags
from penstock.domain.roles import Action
from penstock.domain.tags import Tagged
from penstock.server import queues as queue_calls
from penstock.server.auth import Call, operation
from penstock.server.operation import Context, Operation
from penstock.store import jobs, packages, queues

Tags = Mapping[str, str]
Change = Callable[[Tags], Tags]
"""Makes of tags what is to be stored; raises `Invalid`."""


@dataclass(frozen=True)
class Kind:
    """What carries tags, by its name in paths, and how its tags are read and written."""

    type: str
    noun: str
    reading: Action
    changing: Action
    of_one: Callable[[Connection, str, str], Tags]
    """By project and id; raises the error of a thing that is not there."""
    of_all: Callable[[Connection, str], list[Tagged]]
    change: Callable[[Connection, str, str, Change], None]


def _tags_of_job(tx: Connection, project_id: str, id: str) -> Tags:
    return jobs.get(tx, project_id, encoding.read_job_id(id)).tags


def _change_job(tx: Connection, project_id: str, id: str, change: Change) -> None:
    job = jobs.get(tx, project_id, encoding.read_job_id(id), for_update=True)
    jobs.put_tags(tx, job.id, change(job.tags))


def _tags_of_queue(tx: Connection, project_id: str, id: str) -> Tags:
    return queue_wire.tags_of(queues.find(tx, project_id, _name(tx, project_id, id)))


def _queues(tx: Connection, project_id: str) -> list[Tagged]:
    return [Tagged(str(each.id), each.name, queue_wire.tags_of(each)) for each in queues.visible(tx, project_id)]


def _name(tx: Connection, project_id: str, id: str) -> str:
    """Give the name of the queue with this id, or what is a name already: none consists of digits alone."""
    return next((each.name for each in queues.visible(tx, project_id) if str(each.id) == id), id)


def _change_queue(tx: Connection, project_id: str, id: str, change: Change) -> None:
    queue = queue_calls.of_project(tx, project_id, _name(tx, project_id, id))
    told = wire.told_as(change(queue_wire.tags_of(queue)))
    queues.put_traits(tx, queue.id, queue_wire.with_traits(queue, tags=told))


def _tags_of_package(tx: Connection, project_id: str, id: str) -> Tags:
    return packages.get(tx, project_id, package_wire.named(id)).tags


def _packages(tx: Connection, project_id: str) -> list[Tagged]:
    found = packages.of_project(tx, project_id)
    return [Tagged(package_wire.id_of(each.name), each.name.name, each.tags) for each in found]


def _change_package(tx: Connection, project_id: str, id: str, change: Change) -> None:
    package = packages.get(tx, project_id, package_wire.named(id), for_update=True)
    packages.put_tags(tx, project_id, package.name, change(package.tags))


KINDS = (
    Kind("dli_flink_job", "job", Action.GET_JOB, Action.UPDATE_JOB, _tags_of_job, jobs.tagged, _change_job),
    Kind("dli_queue", "queue", Action.READ_QUEUES, Action.CHANGE_QUEUES, _tags_of_queue, _queues, _change_queue),
    Kind(
        "dli_package_resource",
        "package",
        Action.READ_PACKAGES,
        Action.CHANGE_PACKAGES,
        _tags_of_package,
        _packages,
        _change_package,
    ),
)


def _operations(kind: Kind) -> Iterator[Operation]:
    def show(context: Context, call: Call, query: PageQuery) -> wire.Shown:
        with context.database.read() as tx:
            return wire.shown(kind.of_one(tx, call.project_id, call.names["id"]), query)

    def add(context: Context, call: Call, body: wire.ChangeBody) -> None:
        more = drafts.tags(body.tags)
        with context.database.write() as tx:
            kind.change(tx, call.project_id, call.names["id"], lambda present: tags.added(present, more))

    def remove(context: Context, call: Call, body: wire.ChangeBody) -> None:
        keys = {tag.key for tag in body.tags}
        with context.database.write() as tx:
            kind.change(tx, call.project_id, call.names["id"], lambda present: tags.removed(present, keys))

    def show_all(context: Context, call: Call, query: PageQuery) -> wire.All:
        with context.database.read() as tx:
            return wire.all_of(kind.of_all(tx, call.project_id), query)

    def found(context: Context, call: Call, body: wire.SearchBody) -> list[Tagged]:
        search = body.search()
        with context.database.read() as tx:
            return [each for each in kind.of_all(tx, call.project_id) if search.finds(each)]

    def find(context: Context, call: Call, query: PageQuery, body: wire.SearchBody) -> wire.Found:
        return wire.found(found(context, call, body), query)

    def count(context: Context, call: Call, body: wire.SearchBody) -> wire.Count:
        return wire.Count(len(found(context, call, body)))

    of_kind = f"/v3/{{project_id}}/{kind.type}"
    of_one, reading, changing, noun = f"{of_kind}/{{id}}/tags", kind.reading, kind.changing, kind.noun
    searching = f"{of_kind}/resource-instances"
    yield operation("GET", of_one, reading, show, name=f"show_{noun}_tags")
    yield operation("POST", f"{of_one}/create", changing, add, name=f"add_{noun}_tags", status=204)
    yield operation("POST", f"{of_one}/delete", changing, remove, name=f"remove_{noun}_tags", status=204)
    yield operation("GET", f"{of_kind}/tags", reading, show_all, name=f"list_{noun}_tags")
    yield operation("POST", f"{searching}/filter", reading, find, name=f"find_{noun}s_by_tags")
    yield operation("POST", f"{searching}/count", reading, count, name=f"count_{noun}s_by_tags")


OPERATIONS = tuple(each for kind in KINDS for each in _operations(kind))
