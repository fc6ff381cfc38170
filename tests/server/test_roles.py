"""What a member may do: by its role in the project of the path."""

import hashlib
from collections import defaultdict

import pytest

from penstock.domain.roles import ALLOWED, Role
from penstock.server import app
from penstock.server.operation import Operation
from tests.serving import Service

_OF_NOTHING = {"X-Sdk-Content-Sha256": hashlib.sha256(b"").hexdigest()}
_SIGNED = [each for each in app.OPERATIONS if each.action is not None]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("called", _SIGNED, ids=lambda each: each.name)
def test_a_call_is_forbidden_exactly_to_those_whose_role_does_not_allow_it(
    service: Service, called: Operation, role: Role
) -> None:
    key = service.new_key("main", f"only-{role}", role)
    path = called.path.format_map(defaultdict(lambda: "7", project_id=key.project_id))
    with service.client(key) as http:
        answer = http.request(called.method, path, headers=_OF_NOTHING if called.takes_stream else {})
    assert (answer.status_code == 403) == (called.action not in ALLOWED[role])


def test_a_role_is_that_of_the_project_of_the_path(service: Service) -> None:
    service.new_key("other", "ann", Role.ADMIN)
    key = service.new_key("main", "ann", Role.READER)
    with service.client(key) as http:
        refused = http.post(service.path("/jobs/run", key.project_id), json={"job_ids": [1]})
    assert refused.status_code == 403
    assert refused.json()["error_msg"] == (
        f"user ann is reader of project {key.project_id}, and may not dli:jobs:start"
    )
