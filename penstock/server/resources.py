"""Packages: upload, list, show, give away, delete."""

from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from penstock.dli import drafts, encoding
from penstock.dli import resources as wire
from penstock.domain import package
from penstock.domain.errors import Invalid, NotFound, PackageNotFound
from penstock.domain.package import Kind, Name, Package
from penstock.domain.roles import Action
from penstock.flink import jars
from penstock.server.auth import Call, operation
from penstock.server.history import PREFIX
from penstock.server.operation import Context
from penstock.store import access, contents, database, packages
from penstock.store.contents import Arrived


def upload(kind: Kind | None = None) -> Callable[[Context, Call, wire.UploadBody], wire.Uploaded]:
    """Make the call that fetches packages from buckets, all or none, of the kind that its path says."""

    def fetch(context: Context, call: Call, body: wire.UploadBody) -> wire.Uploaded:
        with ExitStack() as arriving:
            new = []
            for path in dict.fromkeys(body.paths):
                blank = _blank(context, call, _name(path, body.group), path)
                blank = replace(blank, kind=kind or body.kind or blank.kind, tags=drafts.tags(body.tags))
                new.append((blank, arriving.enter_context(_fetched(context, call, path))))
            if len({blank.name for blank, _ in new}) < len(new):
                raise Invalid("paths: two of them have the same file name")
            stored = _store(context, new)
        return wire.uploaded(stored, body)

    return fetch


def put_package(context: Context, call: Call) -> wire.Put:
    """Take the bytes of a package (not DLI's)."""
    name = package.named(call.names.get("group", ""), call.names["name"])
    with context.contents.room() as path:
        context.contents.write(call.chunks, path)
        arrived = contents.arrived(path)
        if arrived.content != call.body_sha256:
            raise Invalid("X-Sdk-Content-Sha256 is not the hash of the body")
        [stored] = _store(context, [(_blank(context, call, name, name.name), arrived)])
    return wire.Put(package=wire.shown(stored))


def list_packages(context: Context, call: Call, query: wire.ListQuery) -> wire.List:
    with context.database.read() as tx:
        found = packages.of_project(tx, call.project_id)
    return wire.listed(query.chosen(found))


def show_package(context: Context, call: Call, query: wire.OneQuery) -> wire.Shown:
    with context.database.read() as tx:
        return wire.shown(packages.get(tx, call.project_id, _asked_for(call, query)))


def delete_package(context: Context, call: Call, query: wire.OneQuery) -> wire.Done:
    with context.database.write() as tx:
        gone = packages.delete(tx, call.project_id, _asked_for(call, query))
    _drop(context, {gone.content})
    return wire.Done(f"Package {gone.name} deleted.")


def give_packages(context: Context, call: Call, body: wire.OwnerBody) -> wire.Done:
    """Let a package, or all of a group, be another user's."""
    with context.database.write() as tx:
        if not access.is_member(tx, body.new_owner, call.project_id):
            raise NotFound(f"user {body.new_owner!r} is not a member of the project")
        names = _named(packages.of_project(tx, call.project_id), body)
        packages.give(tx, call.project_id, names, body.new_owner, context.now_ms())
    return wire.Done(f"{body.new_owner} owns {', '.join(map(str, names))} now.")


def _named(found: Sequence[Package], body: wire.OwnerBody) -> list[Name]:
    wanted = (body.group_name, body.resource_name)
    names = [each.name for each in found if (each.name.group, each.name.name if wanted[1] else "") == wanted]
    if not names or wanted == ("", ""):
        raise PackageNotFound(f"there is no package {body.resource_name or '-'} in group {body.group_name or '-'}")
    return names


def _asked_for(call: Call, query: wire.OneQuery) -> Name:
    return Name(query.group, call.names["name"])


def _name(path: str, group: str) -> Name:
    with encoding.naming("paths"):
        if isinstance(package.refer(path), Name):
            raise Invalid(f"{path!r} is not the address of an object: obs://bucket/folder/file")
        return package.named(group, package.file_name(path))


@contextmanager
def _fetched(context: Context, call: Call, path: str) -> Iterator[Arrived]:
    with context.contents.room() as room:
        context.download(call.project_id, path, room, context.contents.limit)
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
    operation("POST", _RESOURCES, Action.CHANGE_PACKAGES, upload(), name="upload_packages", status=201),
    operation(
        "POST", f"{_RESOURCES}/jars", Action.CHANGE_PACKAGES, upload(Kind.JAR), name="upload_jars", status=201
    ),
    operation(
        "POST",
        f"{_RESOURCES}/pyfiles",
        Action.CHANGE_PACKAGES,
        upload(Kind.PYTHON),
        name="upload_pyfiles",
        status=201,
    ),
    operation(
        "POST", f"{_RESOURCES}/files", Action.CHANGE_PACKAGES, upload(Kind.FILE), name="upload_files", status=201
    ),
    operation("GET", _RESOURCES, Action.READ_PACKAGES, list_packages),
    operation("PUT", f"{_RESOURCES}/owner", Action.CHANGE_PACKAGES, give_packages),
    operation("GET", f"{_RESOURCES}/{{name}}", Action.READ_PACKAGES, show_package),
    operation("DELETE", f"{_RESOURCES}/{{name}}", Action.CHANGE_PACKAGES, delete_package),
    operation("PUT", f"{_PACKAGES}/{{name}}", Action.CHANGE_PACKAGES, put_package, takes_stream=True),
    operation(
        "PUT",
        f"{_PACKAGES}/{{group}}/{{name}}",
        Action.CHANGE_PACKAGES,
        put_package,
        name="put_grouped_package",
        takes_stream=True,
    ),
)
