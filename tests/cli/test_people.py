"""`penstock projects`, `users`, `members`, `keys` and `audit`: on a data directory, and through a service."""

import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from penstock import service as services
from penstock.cli.main import app
from penstock.service import Storage
from penstock.settings import Settings
from penstock.store import audit, members, passwords
from penstock.store.audit import Entry
from tests.cli.conftest import Command
from tests.serving import Service

Local = Callable[..., Result]
MAIN = ("--project", "main")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = replace(Settings(), data_dir=tmp_path / "data")
    services.open_storage(made).database.close()
    return made


@pytest.fixture
def local(settings: Settings) -> Local:
    """Run a command on a new data directory."""

    def run(*words: str, stdin: str | None = None) -> Result:
        return CliRunner().invoke(app, [*words, "--data-dir", str(settings.data_dir)], input=stdin)

    return run


@pytest.fixture
def storage(settings: Settings) -> Iterator[Storage]:
    opened = services.open_storage(settings)
    yield opened
    opened.database.close()


def rows(run: Callable[..., Result], *words: str) -> list[dict[str, object]]:
    listed: list[dict[str, object]] = json.loads(run(*words, "--json").stdout)
    return listed


def key_of(done: Result) -> str:
    assert done.exit_code == 0, done.output
    return re.findall(r"HUAWEICLOUD_SDK_AK=(\w+)", done.stdout)[0]


# --- on the data directory ---


def test_a_project_is_made_once_and_listed(local: Local) -> None:
    made = local("projects", "create", "cn-north-4")
    listed = rows(local, "projects", "list")
    assert [each["name"] for each in listed] == ["default", "cn-north-4"]
    assert made.stdout == f"created project cn-north-4, whose id is {listed[1]['project_id']}\n"
    again = local("projects", "create", "cn-north-4")
    assert (again.exit_code, again.stderr) == (
        1,
        "penstock: a project named 'cn-north-4' exists already\n",
    )


def test_a_user_is_listed_with_what_it_may_do_where(local: Local) -> None:
    local("users", "create", "ann")
    local("projects", "create", "second")
    local("members", "add", "ann", "--project", "default", "--role", "reader")
    local("members", "add", "ann", "--project", "second")
    local("users", "password", "ann", stdin="correct horse\n")
    [admin, ann] = sorted(rows(local, "users", "list"), key=lambda user: str(user["name"]))
    assert (admin["name"], admin["roles"], admin["has_password"]) == ("admin", {"default": "admin"}, False)
    assert (ann["roles"], ann["has_password"]) == ({"default": "reader", "second": "operator"}, True)
    assert "reader of default, operator of second" in local("users", "list").stdout


def test_a_password_is_read_and_stored_as_a_hash(local: Local, storage: Storage) -> None:
    done = local("users", "password", "admin", stdin="correct horse\n")
    assert done.stdout == "user admin has a new password\n"
    with storage.database.read() as tx:
        stored = members.find_user(tx, "admin").password
    assert passwords.is_right("correct horse", stored)
    assert "correct" not in str(stored)


@pytest.mark.timeout(60)
def test_at_a_terminal_a_password_is_asked_for_twice_and_not_shown(settings: Settings, storage: Storage) -> None:
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "penstock.cli.main", "users", "password", "admin"]
    process = subprocess.Popen(
        [*command, "--data-dir", str(settings.data_dir)],
        stdin=theirs,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        assert process.stderr is not None
        for _ in range(2):
            assert process.stderr.read(1) == b" "  # behind the question, when it listens
            os.write(terminal, b"correct horse\n")
            assert process.stderr.read(1) == b"\n"
        told, complaint = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
        os.close(theirs)
        os.close(terminal)
    assert told == b"Password:Repeat for confirmation:user admin has a new password\n"
    assert (complaint, process.returncode) == (b"", 0)
    with storage.database.read() as tx:
        assert passwords.is_right("correct horse", members.find_user(tx, "admin").password)


@pytest.mark.parametrize("given", ["", "short\n", "x" * 129])
def test_a_password_that_is_too_short_or_too_long_is_refused(local: Local, given: str) -> None:
    done = local("users", "password", "admin", stdin=given)
    assert (done.exit_code, done.stderr) == (1, "penstock: a password must have 8 to 128 characters\n")


def test_a_disabled_user_has_nothing_left_to_call_with(local: Local, storage: Storage) -> None:
    local("users", "password", "admin", stdin="correct horse\n")
    local("users", "disable", "admin")
    assert [each["disable_time"] is not None for each in rows(local, "keys", "list", "--project", "default")] == [
        True
    ]
    with storage.database.read() as tx:
        assert members.find_user(tx, "admin").password is None
    env = local("env")
    assert env.exit_code == 1
    assert "there is no key in use" in env.stderr
    key_of(local("keys", "create", "--project", "default", "--user", "admin"))
    assert local("env").exit_code == 0


def test_env_prints_no_key_of_somebody_else(local: Local) -> None:
    key_of(local("keys", "create", "--project", "analytics", "--user", "maria"))
    local("users", "disable", "admin")
    assert "there is no key in use" in local("env").stderr


def test_no_key_comes_back_by_itself(local: Local) -> None:
    [first] = rows(local, "keys", "list", "--project", "default")
    local("keys", "delete", str(first["access_key"]), "--project", "default")
    assert rows(local, "keys", "list", "--project", "default") == []


def test_members_are_added_changed_and_removed_but_for_the_last_admin(local: Local) -> None:
    at = ("--project", "default")
    assert local("members", "add", "ann", *at).stdout == "user ann is operator of the project now\n"
    last = local("members", "role", "admin", "reader", *at)
    assert last.stderr == "penstock: a project keeps its last admin; make another member admin first\n"
    local("members", "role", "ann", "admin", *at)
    assert local("members", "remove", "admin", *at).exit_code == 0
    assert [(each["user_name"], each["role"]) for each in rows(local, "members", "list", *at)] == [("ann", "admin")]


def test_a_key_makes_what_is_missing_of_project_user_and_membership(local: Local) -> None:
    at = ("--project", "new one")
    key = key_of(
        local("keys", "create", *at, "--user", "ann", "--role", "reader", "--description", "of the laptop")
    )
    [listed] = rows(local, "keys", "list", *at)
    assert (listed["access_key"], listed["user_name"], listed["description"]) == (key, "ann", "of the laptop")
    assert [each["role"] for each in rows(local, "members", "list", *at)] == ["reader"]


def test_a_key_is_disabled_enabled_rotated_and_deleted(local: Local) -> None:
    at = ("--project", "default")
    old = str(rows(local, "keys", "list", *at)[0]["access_key"])
    local("keys", "disable", old, *at)
    assert rows(local, "keys", "list", *at)[0]["disable_time"] is not None
    local("keys", "enable", old, *at)
    assert rows(local, "keys", "list", *at)[0]["disable_time"] is None
    new = key_of(local("keys", "rotate", old, *at))
    assert {each["access_key"]: each["disable_time"] is None for each in rows(local, "keys", "list", *at)} == {
        old: False,
        new: True,
    }
    assert local("keys", "delete", old, *at).stdout == f"deleted key {old}\n"
    assert [each["access_key"] for each in rows(local, "keys", "list", *at)] == [new]
    gone = local("keys", "enable", old, *at)
    assert gone.stderr == f"penstock: access key {old!r} does not exist\n"


@pytest.mark.parametrize(
    "words",
    [
        ("members", "list", "--project", "nowhere"),
        ("members", "remove", "nobody", "--project", "default"),
        ("users", "password", "nobody"),
        ("audit", "--project", "nowhere"),
    ],
)
def test_what_is_not_there_is_named(local: Local, words: tuple[str, ...]) -> None:
    done = local(*words)
    assert done.exit_code == 1
    assert re.match(r"penstock: (project|user) 'no\w+' does not exist$", done.stderr)


def test_a_project_needs_a_user_for_a_key(local: Local) -> None:
    assert local("keys", "create", *MAIN).stderr == "penstock: --project needs --user\n"


# --- through a service ---


def test_without_a_project_the_service_is_asked(service: Service, penstock: Command) -> None:
    assert penstock("members", "add", "ann", "--role", "reader").exit_code == 0
    assert [each["user_name"] for each in rows(penstock, "members", "list")] == ["ann", "maria"]
    made = penstock("keys", "create", "--user", "ann")
    assert f"export PENSTOCK_ENDPOINT={service.url}\n" in made.stdout
    assert f"export HUAWEICLOUD_SDK_PROJECT_ID={service.key.project_id}\n" in made.stdout
    assert penstock("keys", "disable", key_of(made)).exit_code == 0
    assert penstock("keys", "enable", key_of(made)).exit_code == 0
    new = key_of(penstock("keys", "rotate", key_of(made)))
    penstock("keys", "delete", key_of(made))
    assert [each["access_key"] for each in rows(penstock, "keys", "list")] == [service.key.access_key, new]
    assert penstock("members", "remove", "ann").exit_code == 0


def test_what_the_service_refuses_is_one_line(penstock: Command) -> None:
    refused = penstock("members", "role", "maria", "reader")
    assert refused.exit_code == 1
    assert refused.stderr.startswith("penstock: a project keeps its last admin")


# --- the audit log ---


def entry(number: int, project_id: str | None = None) -> Entry:
    return Entry(number, project_id, "ann", "token", "::1", "run_jobs", f"job_ids={number}", 200, "", "r")


def test_the_audit_log_is_shown_and_exported_line_by_line(local: Local, storage: Storage) -> None:
    with storage.database.write() as tx:
        project = members.find_project(tx, "default")
        for number in range(2100):
            audit.append(tx, entry(number, project.id if number % 2 else None))
    exported = [json.loads(line) for line in local("audit", "--export", "ndjson").stdout.splitlines()]
    assert [each["at"] for each in exported] == list(range(2100))
    assert exported[0] == {
        "at": 0, "project_id": None, "user_name": "ann", "credential": "token", "address": "::1",
        "operation": "run_jobs", "target": "job_ids=0", "status": 200, "error_code": "", "request_id": "r",
        "id": exported[0]["id"],
    }  # fmt: skip
    of_project = local("audit", "--project", "default", "--export", "ndjson").stdout.splitlines()
    assert len(of_project) == 1050
    shown = local("audit").stdout.splitlines()
    assert (len(shown), shown[-1].split()[-3:]) == (101, ["run_jobs", "job_ids=2099", "200"])


def test_another_form_of_export_is_refused(local: Local) -> None:
    assert "it is ndjson" in local("audit", "--export", "csv").stderr
