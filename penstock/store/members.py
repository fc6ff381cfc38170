"""Projects, users, and who is what in which project."""

import uuid
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, Select, and_, exc, select, update

from penstock.domain.errors import AlreadyExists, Invalid, NotAllowed, NotFound
from penstock.domain.roles import Role
from penstock.store.schema import MEMBERSHIPS, PROJECTS, USERS

_LONGEST_NAME = 128


@dataclass(frozen=True)
class Project:
    id: str
    name: str
    created_at: int


@dataclass(frozen=True)
class User:
    id: str
    name: str
    password: str | None = None
    """Its hash; None: the user has none."""


@dataclass(frozen=True)
class Member:
    """A user in a project."""

    user: str
    user_id: str
    project: str
    role: Role


def create_project(tx: Connection, name: str, now: int) -> Project:
    """Make a project; raises `Invalid` or `AlreadyExists`."""
    _check_name("project", name)
    made = Project(uuid.uuid4().hex, name, now)
    try:
        tx.execute(PROJECTS.insert().values(id=made.id, name=name, created_at=now))
    except exc.IntegrityError as error:
        raise AlreadyExists(f"a project named {name!r} exists already") from error
    return made


def create_user(tx: Connection, name: str) -> User:
    """Make a user without a password, a key or a project; raises `Invalid` or `AlreadyExists`."""
    _check_name("user", name)
    made = User(uuid.uuid4().hex, name)
    try:
        tx.execute(USERS.insert().values(id=made.id, name=name))
    except exc.IntegrityError as error:
        raise AlreadyExists(f"a user named {name!r} exists already") from error
    return made


def projects(tx: Connection) -> list[Project]:
    """Give all projects, the oldest first."""
    return [Project(*row) for row in tx.execute(_projects().order_by(PROJECTS.c.created_at, PROJECTS.c.id))]


def first_project(tx: Connection) -> str | None:
    """Give the project of the first start, to whose members the service's own belongs."""
    oldest = select(PROJECTS.c.id).order_by(PROJECTS.c.created_at, PROJECTS.c.id)
    return tx.execute(oldest.limit(1)).scalar()


def projects_of(tx: Connection, user_id: str) -> list[Project]:
    """Give the projects that a user is a member of, by name."""
    query = _projects().join(MEMBERSHIPS).where(MEMBERSHIPS.c.user_id == user_id)
    return [Project(*row) for row in tx.execute(query.order_by(PROJECTS.c.name))]


def find_project(tx: Connection, name: str) -> Project:
    """Find a project by its name; raises `NotFound`."""
    row = tx.execute(_projects().where(PROJECTS.c.name == name)).first()
    if row is None:
        raise NotFound(f"project {name!r} does not exist")
    return Project(*row)


def users(tx: Connection) -> list[User]:
    """Give all users, by name."""
    return [User(*row) for row in tx.execute(_users().order_by(USERS.c.name))]


def find_user(tx: Connection, name: str) -> User:
    """Find a user by its name; raises `NotFound`."""
    found = user_called(tx, name=name)
    if found is None:
        raise NotFound(f"user {name!r} does not exist")
    return found


def user_called(tx: Connection, *, name: str | None = None, user_id: str | None = None) -> User | None:
    """Find a user by its name, or else by its id."""
    asked = USERS.c.name == name if name is not None else USERS.c.id == user_id
    row = tx.execute(_users().where(asked)).first()
    return User(*row) if row else None


def set_password(tx: Connection, user_id: str, password: str | None) -> None:
    """Store the hash of a password, or forget it."""
    tx.execute(update(USERS).where(USERS.c.id == user_id).values(password=password))


def everywhere(tx: Connection) -> list[Member]:
    """Give the members of all projects, by project and name."""
    return [_member(row) for row in tx.execute(_members().order_by(PROJECTS.c.name, USERS.c.name)).mappings()]


def of_project(tx: Connection, project_id: str) -> list[Member]:
    """Give the members of a project, by name."""
    query = _members().where(MEMBERSHIPS.c.project_id == project_id)
    return [_member(row) for row in tx.execute(query.order_by(USERS.c.name)).mappings()]


def roles_of(tx: Connection, user_id: str) -> dict[str, Role]:
    """Give what a user is, by the id of the project."""
    query = select(MEMBERSHIPS.c.project_id, MEMBERSHIPS.c.role).where(MEMBERSHIPS.c.user_id == user_id)
    return {project_id: Role(role) for project_id, role in tx.execute(query)}


def put(tx: Connection, project_id: str, user_id: str, role: Role) -> None:
    """Make a user a member, or give it another role; raises `NotAllowed` for the last admin."""
    before = _locked(tx, project_id, user_id)
    if before is None:
        values = {"user_id": user_id, "project_id": project_id, "role": role.value}
        tx.execute(MEMBERSHIPS.insert().values(values))
    else:
        tx.execute(update(MEMBERSHIPS).where(_is(project_id, user_id)).values(role=role.value))
        _check_admin(tx, project_id, before)


def put_named(tx: Connection, project_id: str, name: str, role: Role) -> None:
    """As `put`, of the user with that name, who is made when there is none."""
    user = user_called(tx, name=name) or create_user(tx, name)
    put(tx, project_id, user.id, role)


def remove(tx: Connection, project_id: str, user_id: str) -> None:
    """End a membership; raises `NotFound`, or `NotAllowed` for the last admin."""
    before = _locked(tx, project_id, user_id)
    if before is None:
        raise NotFound("the user is not a member of the project")
    tx.execute(MEMBERSHIPS.delete().where(_is(project_id, user_id)))
    _check_admin(tx, project_id, before)


def join(tx: Connection, *, project: str, user: str, role: Role, now: int) -> tuple[str, str]:
    """Find a project and a user by their names, made when there is none, and give their ids.

    Who was no member becomes one in that role.
    """
    project_id = tx.execute(select(PROJECTS.c.id).where(PROJECTS.c.name == project)).scalar()
    project_id = project_id or create_project(tx, project, now).id
    found = user_called(tx, name=user) or create_user(tx, user)
    if project_id not in roles_of(tx, found.id):
        put(tx, project_id, found.id, role)
    return project_id, found.id


def _locked(tx: Connection, project_id: str, user_id: str) -> Role | None:
    """Let nobody else change the members until the transaction ends: two admins could remove each other."""
    tx.execute(select(PROJECTS.c.id).where(PROJECTS.c.id == project_id).with_for_update())
    return roles_of(tx, user_id).get(project_id)


def _check_admin(tx: Connection, project_id: str, before: Role) -> None:
    admins = select(MEMBERSHIPS.c.user_id).filter_by(project_id=project_id, role=Role.ADMIN.value)
    if before is Role.ADMIN and tx.execute(admins).first() is None:
        raise NotAllowed("a project keeps its last admin; make another member admin first")


def _is(project_id: str, user_id: str) -> ColumnElement[bool]:
    return and_(MEMBERSHIPS.c.project_id == project_id, MEMBERSHIPS.c.user_id == user_id)


def _check_name(kind: str, name: str) -> None:
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable() or "/" in name:
        raise Invalid(f"the name of a {kind} must be 1 to {_LONGEST_NAME} printable characters, none of them /")


def _projects() -> Select[Any]:
    return select(PROJECTS.c.id, PROJECTS.c.name, PROJECTS.c.created_at)


def _users() -> Select[Any]:
    return select(USERS.c.id, USERS.c.name, USERS.c.password)


def _members() -> Select[Any]:
    user, project = USERS.c.name.label("user"), PROJECTS.c.name.label("project")
    query = select(user, MEMBERSHIPS.c.user_id, project, MEMBERSHIPS.c.role)
    return query.select_from(MEMBERSHIPS).join(USERS).join(PROJECTS)


def _member(row: RowMapping) -> Member:
    return Member(row["user"], row["user_id"], row["project"], Role(row["role"]))
