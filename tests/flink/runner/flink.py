"""A real Flink with the runner uploaded: what a script becomes there."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import httpx

from penstock.flink import runner


@dataclass(frozen=True)
class Flink:
    http: httpx.Client
    jar: str

    def post(self, verb: str, script: str, rules: dict[str, Any] | None = None, **body: object) -> httpx.Response:
        arguments = runner.program_arguments(script, **(rules or {}))
        program = {"entryClass": runner.ENTRY_CLASS, "programArgsList": arguments}
        return self.http.post(f"/jars/{self.jar}/{verb}", json=program | body)

    def refusal(self, script: str, **rules: Any) -> str | None:
        """Plan the script, and return why it is refused: None if it is not, which includes every other error."""
        return runner.refusal("\n".join(self.post("plan", script, rules).json().get("errors", [])))

    def plan(self, script: str, **rules: Any) -> str:
        answer = self.post("plan", script, rules)
        assert answer.is_success, answer.text
        return str([node["description"] for node in answer.json()["plan"]["nodes"]])

    def jobs(self) -> set[str]:
        return {job["id"] for job in self.http.get("/jobs").json()["jobs"]}

    def wait(self, job: str, states: Iterable[str]) -> dict[str, Any]:
        """Return the job's details once it is in one of the states."""
        deadline = time.monotonic() + 60
        while (details := self.http.get(f"/jobs/{job}").json()).get("state") not in states:
            assert time.monotonic() < deadline, details
            time.sleep(0.05)
        return dict(details)
