"""Requests made of the OpenAPI document, to the real server: are the answers those that the document promises?

python -m tests.server.contract [requests]
"""

import hashlib
import re
import sys
import tempfile
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, BaseSchema, Case, CheckContext, GenerationMode, Response
from schemathesis.core.failures import Failure, FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from penstock import signing
from penstock.server.app import create_app
from penstock.server.rates import Rates
from penstock.store.access import Key
from tests import serving
from tests.serving import Service

_STEPS = 12
_HASH = "X-Sdk-Content-Sha256"
_INNER = re.compile(r'Traceback|File \\?"|sqlalchemy|sqlite3|site-packages|\[SQL:')


class Signed(requests.auth.AuthBase):
    """Signs with an access key, as our client does."""

    def __init__(self, key: Key) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        body = request.body or b""
        content = body.encode() if isinstance(body, str) else bytes(body)
        if _HASH in request.headers:
            request.headers[_HASH] = hashlib.sha256(content).hexdigest()
        message = signing.Message(str(request.method), request.path_url.encode(), [], content)
        now_ms = serving.Clock()()
        request.headers.update(signing.sign(message, self._key.access_key, self._key.secret, now_ms))
        return request


@dataclass
class Tally:
    """What was asked and answered."""

    statuses: Counter[int] = field(default_factory=Counter)
    by_operation: Counter[str] = field(default_factory=Counter)
    failures: dict[str, str] = field(default_factory=dict)

    def summary(self) -> str:
        classes = Counter(f"{status // 100}xx" for status in self.statuses.elements())
        told = ", ".join(f"{name} {count}" for name, count in sorted(classes.items()))
        asked = f"{self.statuses.total()} requests to {len(self.by_operation)} operations"
        return f"{asked}: {told}; {len(self.failures)} operations off the contract"


@dataclass
class Contract:
    """The document of a service, and the way to it."""

    service: Service
    schema: BaseSchema
    session: requests.Session
    tally: Tally = field(default_factory=Tally)

    def send(self, case: Case) -> None:
        """Make a request and check the answer; raises a `FailureGroup`."""
        self.check(case, case.call(base_url=self.service.url, session=self.session))

    def check(self, case: Case, response: Response) -> None:
        self.tally.statuses[response.status_code] += 1
        self.tally.by_operation[case.operation.label] += 1
        case.validate_response(response, checks=[*_CHECKS])

    def play(self, operation: APIOperation, examples: int, number: int) -> None:
        """Make requests of one operation, with what fits the document and with what does not."""
        project = {"project_id": self.service.key.project_id}
        known = {**project, "job_id": 1, "queue_name": "default"}
        named = set(re.findall(r"{(\w+)}", operation.path))
        ways = [
            operation.as_strategy(mode, path_parameters={k: v for k, v in given_.items() if k in named})
            for mode in self._modes(operation)
            for given_ in (project, known)
        ]

        @seed(number)
        @settings(_QUIET, max_examples=examples)
        @given(case=st.one_of(ways))
        def ask(case: Case) -> None:
            self.send(case)

        self._noted(operation.label, ask)

    def follow(self, runs: int, number: int) -> None:
        """Follow the links from what one operation answers to what others take."""
        contract = self

        class Journey(self.schema.as_state_machine()):  # type: ignore[misc]
            def setup(self) -> None:
                # What one journey has made is not to be in the way of another.
                self.key = contract.service.new_key(uuid.uuid4().hex, "traveller")
                contract.session.auth = Signed(self.key)

            def before_call(self, case: Case) -> None:
                if "project_id" in case.path_parameters:
                    case.path_parameters["project_id"] = self.key.project_id
                if case.operation.label.endswith("-jobs") and isinstance(case.body, dict):
                    case.body["queue_name"] = "default"  # of a queue that is not there nothing would follow

            def get_call_kwargs(self, case: Case) -> dict[str, Any]:
                return {"base_url": contract.service.url, "session": contract.session}

            def validate_response(self, response: Response, case: Case, **_: Any) -> None:
                contract.check(case, response)

        play = settings(_QUIET, max_examples=runs, stateful_step_count=_STEPS)
        self._noted("links", lambda: Journey.run(settings=play))

    def _modes(self, operation: APIOperation) -> list[GenerationMode]:
        takes = operation.body or operation.query
        return [GenerationMode.POSITIVE, *([GenerationMode.NEGATIVE] if takes else [])]

    def _noted(self, what: str, act: Callable[[], None]) -> None:
        try:
            act()
        except (FailureGroup, Failure) as failure:
            self.tally.failures[what] = "\n".join(map(str, getattr(failure, "exceptions", [failure])))


_QUIET = settings(
    deadline=None, database=None, phases=[Phase.generate], suppress_health_check=[*HealthCheck], print_blob=False
)


def no_server_error(_: CheckContext, response: Response, case: Case) -> bool | None:
    if response.status_code >= 500:
        raise Failure(
            operation=case.operation.label, title="server error", message=f"{response.status_code}: {response.text}"
        )
    return None


def nothing_inner(_: CheckContext, response: Response, case: Case) -> bool | None:
    found = _INNER.search(response.text) or (tempfile.gettempdir() + "/" in response.text)
    if found and case.operation.path not in ("/docs", "/openapi.json"):
        raise Failure(operation=case.operation.label, title="tells of the inside", message=response.text[:500])
    return None


_CHECKS = (
    no_server_error,
    nothing_inner,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
)


def contract_with(service: Service, document: dict[str, Any]) -> Contract:
    session = requests.Session()
    session.auth, session.trust_env = Signed(service.key), False
    config = schemathesis.Config.from_dict({"generation": {"allow-x00": False}})
    return Contract(service, schemathesis.openapi.from_dict(document, config=config), session)


def operations(contract: Contract) -> Iterator[APIOperation]:
    for each in contract.schema.get_all_operations():
        yield each.ok()


def examine(service: Service, switch: serving.Switch, count: int) -> Tally:
    """Make about so many requests, a third of them along links."""
    switch.app = create_app(replace(service.context, rates=Rates(1_000_000)))
    service.create(name="known", sql_body="SELECT 1")
    document = service.anonymous.get("/openapi.json").json()
    contract = contract_with(service, document)
    every = list(operations(contract))
    for number, operation in enumerate(every):
        contract.play(operation, max(1, count * 2 // 3 // len(every)), number)
    contract.follow(max(1, count // 3 // _STEPS), count)
    contract.session.close()
    return contract.tally


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 50_000
    switch = serving.Switch()
    with tempfile.TemporaryDirectory() as name, serving.listening(switch) as url:
        folder = Path(name)
        (folder / "template").mkdir()
        key = serving.new_folder(folder / "template")
        with serving.service_in(folder / "data", folder / "template", key, url, switch) as service:
            tally = examine(service, switch, count)
    for what, why in tally.failures.items():
        print(f"--- {what}\n{why}\n")
    print(tally.summary())
    sys.exit(1 if tally.failures else 0)


if __name__ == "__main__":
    main()
