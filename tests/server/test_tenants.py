"""Nobody sees, changes or learns of what another project has, whatever their role in their own."""

import hashlib
import re
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from docs import permissions
from penstock.domain.engine import Stranger
from penstock.domain.roles import ALLOWED, Role
from penstock.server import app
from penstock.server.operation import Operation
from penstock.store import orphans, queues
from penstock.store.access import Key
from tests.serving import Service

_ORPHAN = "f" * 32
_IN_PROJECTS = [each for each in app.OPERATIONS if each.action is not None]
_BODIES: Mapping[str, object] = {
    "draw_job_graph": {"sql_body": "SELECT 1"},
    "trigger_savepoint": {"action": "TRIGGER"},
    "import_savepoint": {"job_id": "{job_id}", "savepoint_path": "obs://penstock/theirs"},
    "act_on_queue": {"action": "scale_out", "cu_count": 1},
    "create_queue_properties": {"properties": {"job.maxConcurrent": 1}},
    "update_queue_properties": {"properties": {"job.maxConcurrent": 1}},
    "delete_queue_properties": {"keys": ["job.maxConcurrent"]},
    "join_pool": {"queue_name": "theirs"},
    "update_key": {"is_disabled": True},
    "put_member": {"role": "reader"},
    **{f"{verb}_{noun}_tags": {"tags": [{"key": "a", "value": "b"}]}
       for verb in ("add", "remove") for noun in ("job", "queue", "package")},
}  # fmt: skip
"""By operation: what is well-formed, so that what the path names is looked for."""


@pytest.fixture
def theirs(service: Service) -> tuple[Key, dict[str, str]]:
    """Another project with one of everything, and the names of it in paths."""
    key = service.new_key("another", "li_of_theirs")
    own = f"/v1.0/{key.project_id}"
    with service.client(key) as http:
        job = http.post(f"{own}/streaming/sql-jobs", json={"name": "theirs", "queue_name": "default"})
        made = http.post(f"{own}/streaming/job-templates", json={"name": "theirs", "sql_body": "SELECT 1"})
        asked = [
            http.post(f"{own}/queues", json={"queue_name": "theirs", "cu_count": 1}),
            http.put(
                f"/penstock/v1/{key.project_id}/packages/theirs.txt",
                content=b"x",
                headers={"X-Sdk-Content-Sha256": hashlib.sha256(b"x").hexdigest()},
                params={"kind": "file"},
            ),
        ]
        for answer in (job, made, *asked):
            assert answer.status_code == 200, answer.text
    with service.database.write() as tx:
        queue = queues.find(tx, key.project_id, "theirs")
        orphans.put(tx, queue, [Stranger(_ORPHAN, "theirs", "RUNNING", 1)], now=1)
    return key, {
        "job_id": str(job.json()["job"]["job_id"]),
        "template_id": str(made.json()["template"]["template_id"]),
        "queue_name": "theirs",
        "name": "theirs.txt",
        "group": "theirs",
        "flink_job_id": _ORPHAN,
        "access_key": key.access_key,
        "user_name": "li_of_theirs",
        "pool_name": "theirs",
        "task_id": "1",
        "plan_id": "1",
    }


def call(http: httpx.Client, operation: Operation, project_id: str, names: Mapping[str, str]) -> httpx.Response:
    named = dict(names) | {"id": _id(operation, names)}
    path = re.sub(r"{(\w+)}", lambda found: {**named, "project_id": project_id}[found[1]], operation.path)
    if operation.takes_stream:
        headers = {"X-Sdk-Content-Sha256": hashlib.sha256(b"mine").hexdigest()}
        return http.request(operation.method, path, content=b"mine", headers=headers, params={"kind": "file"})
    body: Any = _BODIES.get(operation.name, {})
    if isinstance(body, dict) and body.get("job_id"):
        body = body | {"job_id": int(names["job_id"])}
    return http.request(operation.method, path, json=body)


def _id(operation: Operation, names: Mapping[str, str]) -> str:
    kinds = {"dli_flink_job": "job_id", "dli_queue": "queue_name", "dli_package_resource": "name"}
    return next((names.get(name, "") for kind, name in kinds.items() if kind in operation.path), "")


def everything(service: Service, key: Key) -> list[Any]:
    """Give what a member sees of its project."""
    lists = [each for each in _IN_PROJECTS if each.method == "GET" and not permissions.objects(each)]
    with service.client(key) as http:
        answers = [call(http, each, key.project_id, {}) for each in lists if each.name != "show_audit"]
    return [each.json() for each in answers]


def _without(text: str, names: Mapping[str, str]) -> str:
    return re.sub("|".join(sorted(names.values(), key=len, reverse=True)), "", text)


def code(answer: httpx.Response) -> str:
    told = answer.json() if answer.content else {}
    return f"{answer.status_code} `{told.get('error_code', '')}`"


@pytest.mark.parametrize("role", Role)
def test_what_another_project_has_is_as_if_it_were_not_there(
    service: Service, theirs: tuple[Key, dict[str, str]], role: Role
) -> None:
    owner, names = theirs
    unknown = {**names, "job_id": "999", "template_id": "999", "queue_name": "nowhere", "name": "none.txt",
               "flink_job_id": "e" * 32, "access_key": "X" * 20, "user_name": "nobody"}  # fmt: skip
    mine = service.new_key("main", f"a_{role}", role)
    before = everything(service, owner)
    wrong: dict[str, str] = {}
    with service.client(mine) as http:
        for each in _IN_PROJECTS:
            expected = permissions.of_foreign(each)
            may = each.action in ALLOWED[role]
            outside = code(call(http, each, owner.project_id, names))
            if outside != permissions.OUTSIDE:
                wrong[f"{each.name} in their project"] = outside
            if not permissions.objects(each) or expected == permissions.OWN:
                continue
            answer = call(http, each, mine.project_id, names)
            if code(answer) != (expected if may else permissions.OUTSIDE):
                wrong[each.name] = answer.text
            of_none = call(http, each, mine.project_id, unknown)
            if may and _without(answer.text, names) != _without(of_none.text, unknown):
                wrong[f"{each.name}, told from what is not there"] = f"{answer.text} / {of_none.text}"
    assert wrong == {}
    assert everything(service, owner) == before


def test_lists_hold_nothing_of_another_project(service: Service, theirs: tuple[Key, dict[str, str]]) -> None:
    seen = repr(everything(service, service.key))
    assert "theirs" not in seen
    assert _ORPHAN not in seen
    assert theirs[0].access_key not in seen
    assert "theirs" in repr(everything(service, theirs[0]))


def test_what_a_body_names_of_another_project_is_not_there(
    service: Service, theirs: tuple[Key, dict[str, str]]
) -> None:
    job_id, template_id = int(theirs[1]["job_id"]), int(theirs[1]["template_id"])
    answers = {
        f"{verb} a job": service.call("POST", f"/jobs/{verb}", {"job_ids": [job_id]}).json()[0]["error_code"]
        for verb in ("run", "stop", "delete")
    }
    named: dict[str, tuple[str, dict[str, object]]] = {
        "a queue": ("/sql-jobs", {"queue_name": "theirs"}),
        "a template": ("/sql-jobs", {"template_id": template_id}),
        "a bucket": ("/sql-jobs", {"obs_bucket": "theirs"}),
    }
    for what, (tail, body) in named.items():
        answers[what] = service.call("POST", tail, {"name": "mine", **body}).json().get("error_code", "created")
    assert answers == {
        "run a job": "DLI.16001",
        "stop a job": "DLI.16001",
        "delete a job": "DLI.16001",
        "a queue": "DLI.0002",
        "a template": "DLI.0002",
        "a bucket": "DLI.0001",
    }
