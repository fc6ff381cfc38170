"""Packages: upload, list, show, give away, delete."""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from penstock.dli import drafts, encoding
from penstock.dli import resources as wire
from penstock.domain import package
from penstock.domain.errors import Invalid, NotFound, PackageNotFound
from penstock.domain.package import Kind, Name, Package
from penstock.flink import jars
from penstock.server.auth import Call, signed
from penstock.server.history import PREFIX
from penstock.server.operation import Answer, Context, Operation, json
from penstock.store import access, contents, database, packages
from penstock.store.contents import Arrived


def upload(kind: Kind | None = None) -> Callable[[Context, Call], Answer]:
    """Make the call that fetches packages from buckets, all or none, of the kind that its path says."""

    def fetch(context: Context, call: Call) -> Answer:
        body = encoding.read_body(call.body, wire.UploadBody)
        with ExitStack() as arriving:
            new = []
            for path in dict.fromkeys(body.paths):
                blank = _blank(context, call, _name(path, body.group), path)
                blank = replace(blank, kind=kind or body.kind or blank.kind, tags=drafts.tags(body.tags))
                new.append((blank, arriving.enter_context(_fetched(context, path))))
            if len({blank.name for blank, _ in new}) < len(new):
                raise Invalid("paths: two of them have the same file name")
            stored = _store(context, new)
        return json(wire.uploaded(stored, body), 201)

    return fetch


def put_package(context: Context, call: Call) -> Answer:
    """Take the bytes of a package (not DLI's)."""
    name = package.named(call.names.get("group", ""), call.names["name"])
    with context.contents.room() as path:
        context.contents.write(call.chunks, path)
        arrived = contents.arrived(path)
        if arrived.content != call.body_sha256:
            raise Invalid("X-Sdk-Content-Sha256 is not the hash of the body")
        [stored] = _store(context, [(_blank(context, call, name, name.name), arrived)])
    return json(wire.Put(package=wire.shown(stored)))


def list_packages(context: Context, call: Call) -> Answer:
    query = encoding.read_query(call.query, wire.ListQuery)
    with context.database.read() as tx:
        found = packages.of_project(tx, call.project_id)
    return json(wire.listed(query.chosen(found)))


def show_package(context: Context, call: Call) -> Answer:
    with context.database.read() as tx:
        return json(wire.shown(packages.get(tx, call.project_id, _asked_for(call))))


def delete_package(context: Context, call: Call) -> Answer:
    with context.database.write() as tx:
        gone = packages.delete(tx, call.project_id, _asked_for(call))
    _drop(context, {gone.content})
    return json(wire.Done(f"Package {gone.name} deleted."))


def give_packages(context: Context, call: Call) -> Answer:
    """Let a package, or all of a group, be another user's."""
    body = encoding.read_body(call.body, wire.OwnerBody)
    with context.database.write() as tx:
        if not access.is_member(tx, body.new_owner, call.project_id):
            raise NotFound(f"user {body.new_owner!r} is not a member of the project")
        names = _named(packages.of_project(tx, call.project_id), body)
        packages.give(tx, call.project_id, names, body.new_owner, context.now_ms())
    return json(wire.Done(f"{body.new_owner} owns {', '.join(map(str, names))} now."))


def _named(found: Sequence[Package], body: wire.OwnerBody) -> list[Name]:
    wanted = (body.group_name, body.resource_name)
    names = [each.name for each in found if (each.name.group, each.name.name if wanted[1] else "") == wanted]
    if not names or wanted == ("", ""):
        raise PackageNotFound(f"there is no package {body.resource_name or '-'} in group {body.group_name or '-'}")
    return names


def _asked_for(call: Call) -> Name:
    return Name(encoding.read_query(call.query, wire.OneQuery).group, call.names["name"])


def _name(path: str, group: str) -> Name:
    with encoding.naming("paths"):
        if isinstance(package.refer(path), Name):
            raise Invalid(f"{path!r} is not the address of an object: obs://bucket/folder/file")
        return package.named(group, package.file_name(path))


@contextmanager
def _fetched(context: Context, path: str) -> Iterator[Arrived]:
    with context.contents.room() as room:
        context.download(path, room, context.contents.limit)
        yield contents.arrived(room)


def _blank(context: Context, call: Call, name: Name, source: str) -> Package:
    now = context.now_ms()
    return Package(
        project_id=call.project_id,
        name=name,
        kind=package.kind_of(name.name),
        content="",
        size=0,
        owner=call.user_name,
        source=source,
        created_at=now,
        updated_at=now,
    )


def _store(context: Context, new: Sequence[tuple[Package, Arrived]]) -> list[Package]:
    """Check what has arrived, and let it be the packages; raises `Invalid`."""
    for blank, arrived in new:
        if blank.kind is Kind.JAR:
            jars.check(arrived.path, blank.name.name)
    with context.database.write() as tx:
        database.alone(tx)
        before = packages.contents(tx)
        stored = []
        for blank, arrived in new:
            context.contents.keep(arrived)
            stored.append(packages.put(tx, replace(blank, content=arrived.content, size=arrived.size)))
        replaced = before - packages.contents(tx)
    _drop(context, replaced)
    return stored


def _drop(context: Context, contents: Set[str]) -> None:
    """Remove what no package has any more, now that that is stored; `Contents.sweep` does what a crash leaves."""
    if contents:
        with context.database.write() as tx:
            database.alone(tx)
            for unused in contents - packages.contents(tx):
                context.contents.remove(unused)


_RESOURCES = "/v2.0/{project_id}/resources"
_PACKAGES = f"{PREFIX}/packages"
OPERATIONS = (
    Operation("upload_packages", "POST", _RESOURCES, signed(upload())),
    Operation("upload_jars", "POST", f"{_RESOURCES}/jars", signed(upload(Kind.JAR))),
    Operation("upload_pyfiles", "POST", f"{_RESOURCES}/pyfiles", signed(upload(Kind.PYTHON))),
    Operation("upload_files", "POST", f"{_RESOURCES}/files", signed(upload(Kind.FILE))),
    Operation("list_packages", "GET", _RESOURCES, signed(list_packages)),
    Operation("give_packages", "PUT", f"{_RESOURCES}/owner", signed(give_packages)),
    Operation("show_package", "GET", f"{_RESOURCES}/{{name}}", signed(show_package)),
    Operation("delete_package", "DELETE", f"{_RESOURCES}/{{name}}", signed(delete_package)),
    Operation("put_package", "PUT", f"{_PACKAGES}/{{name}}", signed(put_package), takes_stream=True),
    Operation(
        "put_grouped_package", "PUT", f"{_PACKAGES}/{{group}}/{{name}}", signed(put_package), takes_stream=True
    ),
)
