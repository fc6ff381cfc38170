"""The packages of the projects: what is known of them; their bytes are kept by `contents.py`."""

from collections.abc import Collection, Mapping

import msgspec
from sqlalchemy import ColumnElement, Connection, RowMapping, or_, select

from penstock.domain import package
from penstock.domain.errors import NotAllowed, PackageNotFound
from penstock.domain.package import Kind, Name, Package
from penstock.store import rows
from penstock.store.schema import JOBS, PACKAGES

_KEY = (PACKAGES.c.project_id, PACKAGES.c.group_name, PACKAGES.c.name)


def put(tx: Connection, new: Package) -> Package:
    """Store a package, in place of one of the same name, which keeps the time of its creation."""
    old = tx.execute(select(PACKAGES.c.created_at).where(_is(new.project_id, new.name))).scalar()
    tx.execute(PACKAGES.delete().where(_is(new.project_id, new.name)))
    tx.execute(PACKAGES.insert().values(_values(new) | ({} if old is None else {"created_at": old})))
    return get(tx, new.project_id, new.name)


def get(tx: Connection, project_id: str, name: Name, *, for_update: bool = False) -> Package:
    """Read a package of a project; raises `PackageNotFound`."""
    query = select(PACKAGES).where(_is(project_id, name))
    row = tx.execute(query.with_for_update() if for_update else query).mappings().first()
    if row is None:
        raise PackageNotFound(f"package {name} does not exist")
    return _package(row)


def of_project(tx: Connection, project_id: str) -> list[Package]:
    """Read all packages of a project, by group and name."""
    query = select(PACKAGES).where(PACKAGES.c.project_id == project_id).order_by(*_KEY)
    return [_package(row) for row in tx.execute(query).mappings()]


def delete(tx: Connection, project_id: str, name: Name) -> Package:
    """Forget a package that no job names; raises `PackageNotFound` or `NotAllowed`."""
    gone = get(tx, project_id, name)
    if users := _users(tx, project_id, name):
        raise NotAllowed(
            f"package {name} is in use by job {', '.join(map(str, users))}; change or delete these first"
        )
    tx.execute(PACKAGES.delete().where(_is(project_id, name)))
    return gone


def give(tx: Connection, project_id: str, names: Collection[Name], owner: str, now: int) -> None:
    """Let packages be another user's."""
    for name in names:
        tx.execute(PACKAGES.update().where(_is(project_id, name)).values(owner=owner, updated_at=now))


def put_tags(tx: Connection, project_id: str, name: Name, tags: Mapping[str, str]) -> None:
    """Let a package have these tags and no others."""
    tx.execute(PACKAGES.update().where(_is(project_id, name)).values(tags=_json(tags)))


def contents(tx: Connection) -> set[str]:
    """Name the contents that any package has."""
    return set(tx.execute(select(PACKAGES.c.content)).scalars())


def _users(tx: Connection, project_id: str, name: Name) -> list[int]:
    """List the jobs that name a package; the texts of a row only narrow the search."""
    may_name = or_(*(column.contains(name.name, autoescape=True) for column in (JOBS.c.program, JOBS.c.config)))
    query = select(JOBS).where(JOBS.c.project_id == project_id, JOBS.c.deleted_at.is_(None), may_name)
    found = [rows.to_job(row, {}) for row in tx.execute(query.order_by(JOBS.c.id)).mappings()]
    return [job.id for job in found if name in map(package.refer, package.references(job))]


def _is(project_id: str, name: Name) -> ColumnElement[bool]:
    project, group, own = _KEY
    return (project == project_id) & (group == name.group) & (own == name.name)


def _values(new: Package) -> dict[str, object]:
    return {
        "project_id": new.project_id,
        "group_name": new.name.group,
        "name": new.name.name,
        "kind": new.kind.value,
        "content": new.content,
        "size": new.size,
        "owner": new.owner,
        "source": new.source,
        "tags": _json(new.tags),
        "created_at": new.created_at,
        "updated_at": new.updated_at,
    }


def _json(tags: Mapping[str, str]) -> str:
    return msgspec.json.encode(tags).decode()


def _package(row: RowMapping) -> Package:
    return Package(
        project_id=row["project_id"],
        name=Name(row["group_name"], row["name"]),
        kind=Kind(row["kind"]),
        content=row["content"],
        size=row["size"],
        owner=row["owner"],
        source=row["source"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
        tags=msgspec.json.decode(row["tags"]),
    )
