"""The commands about who may do what: projects, users, members, keys.

With `--project` a command about members or keys opens the data directory itself, whether a service runs or not;
without, it asks the service that `penstock env` names, as the user of its key.
"""

from typing import Annotated

import typer

from penstock.cli.options import AsJson, DatabaseUrl, DataDir, load
from penstock.domain.roles import Role

projects = typer.Typer(help="Projects; one is named after the region that it stands in for.", no_args_is_help=True)
users = typer.Typer(help="Users and their passwords.", no_args_is_help=True)
members = typer.Typer(help="Who is a member of a project, and as what.", no_args_is_help=True)
keys = typer.Typer(help="Access keys of users in projects.", no_args_is_help=True)

Project = Annotated[
    str | None, typer.Option(help="Name of a project in the data directory; else ask the service of penstock env.")
]
AccessKey = Annotated[str, typer.Argument(metavar="KEY", help="Its id.")]
AsRole = Annotated[Role, typer.Option(help="What the user may do there.")]


@projects.command("create")
def create_project(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Make a project; it has no members yet."""
    from penstock.cli import users as done

    done.create_project(load(locals()), name)


@projects.command("list")
def list_projects(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the projects, the oldest first."""
    from penstock.cli import users as shown

    shown.show_projects(load(locals()), as_json=as_json)


@users.command("create")
def create_user(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Make a user, who has no password, no key and no project yet."""
    from penstock.cli import users as done

    done.create_user(load(locals()), name)


@users.command("list")
def list_users(as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """List the users, with what each may do where."""
    from penstock.cli import users as shown

    shown.show_users(load(locals()), as_json=as_json)


@users.command("password")
def set_password(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Give a user a password, asked for or read from standard input; its tokens end."""
    from penstock.cli import users as done

    done.set_password(load(locals()), name)


@users.command("disable")
def disable_user(name: str, data_dir: DataDir = None, database_url: DatabaseUrl = None) -> None:
    """Take from a user the password, all tokens and the use of all keys; a new password or key lets it in again."""
    from penstock.cli import users as done

    done.disable_user(load(locals()), name)


@members.command("list")
def list_members(
    project: Project = None, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """List the members of a project, by name."""
    from penstock.cli import members as shown

    shown.show_list(load(locals()), project, as_json=as_json)


@members.command("add")
def add_member(
    user: str,
    role: AsRole = Role.OPERATOR,
    project: Project = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make a user a member, or give it another role; the user is made when there is none of that name."""
    from penstock.cli import members as done

    done.put(load(locals()), project, user, role)


@members.command("role")
def change_role(
    user: str,
    role: Annotated[Role, typer.Argument()],
    project: Project = None,
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Give a member another role; the last admin stays one."""
    from penstock.cli import members as done

    done.put(load(locals()), project, user, role)


@members.command("remove")
def remove_member(
    user: str, project: Project = None, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """End a membership; the last admin stays."""
    from penstock.cli import members as done

    done.remove(load(locals()), project, user)


@keys.command("list")
def list_keys(
    project: Project = None, as_json: AsJson = False, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """List the keys that were made for a project, without their secrets."""
    from penstock.cli import keys as shown

    shown.show_list(load(locals()), project, as_json=as_json)


@keys.command("create")
def create_key(
    project: Annotated[
        str | None, typer.Option(help="Name of the project; made when there is none. Else ask the service.")
    ] = None,
    user: Annotated[
        str | None, typer.Option(help="Name of the user; with --project made when there is none.")
    ] = None,
    role: Annotated[Role, typer.Option(help="What a user becomes who was no member of --project.")] = Role.ADMIN,
    description: Annotated[str, typer.Option(help="What it is for.")] = "",
    data_dir: DataDir = None,
    database_url: DatabaseUrl = None,
) -> None:
    """Make an access key, and print it; its secret is not shown again."""
    from penstock.cli import keys as done

    settings = load(locals())
    if project is not None:
        done.join(settings, project, user, role)
    done.create(settings, project, user, description)


@keys.command("disable")
def disable_key(
    key: AccessKey, project: Project = None, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Refuse a key from now on, and all tokens of its user."""
    from penstock.cli import keys as done

    done.disable(load(locals()), project, key)


@keys.command("enable")
def enable_key(
    key: AccessKey, project: Project = None, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Let a disabled key in again."""
    from penstock.cli import keys as done

    done.enable(load(locals()), project, key)


@keys.command("rotate")
def rotate_key(
    key: AccessKey, project: Project = None, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Make a key in place of one, which is disabled at once, and print it."""
    from penstock.cli import keys as done

    done.rotate(load(locals()), project, key)


@keys.command("delete")
def delete_key(
    key: AccessKey, project: Project = None, data_dir: DataDir = None, database_url: DatabaseUrl = None
) -> None:
    """Delete a key for good."""
    from penstock.cli import keys as done

    done.delete(load(locals()), project, key)
