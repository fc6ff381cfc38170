"""The jars that a cluster holds for us: the runner, as long as it lives, and others while they are submitted."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from types import MappingProxyType
from typing import TypeVar

from penstock.flink import failures, runner
from penstock.flink.answers import JobPlan
from penstock.flink.bundles import Program
from penstock.flink.rest import FlinkRest, Json, RestError, RestUnavailable

_Told = TypeVar("_Told")
_ONCE = "penstock-once-"
_LEFT_OVER_MS = 3600 * 1000
"""How old a jar is whose submission nobody waits for any more."""


class Uploads:
    """Runs programs on a cluster. Safe for several threads."""

    def __init__(self, rest: FlinkRest) -> None:
        self._rest = rest
        self._runner: str | None = None
        self._unanswered: set[str] = set()
        """The names of jars that nobody runs: whether the cluster has them is not known."""
        self._lock = threading.Lock()

    @property
    def has_runner(self) -> bool:
        return self._runner is not None

    def run(self, program: Program, body: Json) -> None:
        """Run a program as the body says; raises `RestUnavailable` or `RestError`."""
        self._do(self._rest.run_jar, program, body)

    def plan(self, program: Program, body: Json = MappingProxyType({})) -> JobPlan:
        """Plan the job of a program without running it; raises `RestUnavailable` or `RestError`."""
        return self._do(self._rest.plan_jar, program, body)

    def _do(self, ask: Callable[[str, Json], _Told], program: Program, body: Json) -> _Told:
        body = _began(program) | dict(body)
        return self._with_runner(ask, body) if program.jar == runner.JAR else self._once(ask, program, body)

    def _with_runner(self, ask: Callable[[str, Json], _Told], body: Json) -> _Told:
        try:
            return ask(self._runner_id(), body)
        except RestError as error:
            if not failures.is_jar_gone(error.text):
                raise
            self._runner = None
            return ask(self._runner_id(), body)

    def _once(self, ask: Callable[[str, Json], _Told], program: Program, body: Json) -> _Told:
        """Use a jar that Flink needs no longer once it has answered: a job takes along what it loads."""
        name = f"{_ONCE}{uuid.uuid4().hex}.jar"
        try:
            jar_id = self._rest.upload_jar(program.jar, name)
        except RestUnavailable:
            self._unanswered.add(name)
            raise
        try:
            told = ask(jar_id, body)
        except RestError:
            self._remove(jar_id)
            raise
        self._remove(jar_id)
        return told

    def _remove(self, jar_id: str) -> None:
        """Remove a jar, and with it what earlier submissions have left that got no answer."""
        with contextlib.suppress(RestError, RestUnavailable):
            self._rest.delete_jar(jar_id)
            old = time.time() * 1000 - _LEFT_OVER_MS
            for jar in self._rest.jars():
                if jar.name in self._unanswered or (jar.name.startswith(_ONCE) and jar.uploaded < old):
                    self._rest.delete_jar(jar.id)

    def _runner_id(self) -> str:
        """Give the id under which the cluster holds the runner, uploading it unless it is there."""
        with self._lock:
            if self._runner is None:
                name = runner.upload_name()
                self._runner = self._rest.find_jar(name) or self._rest.upload_jar(runner.JAR, name)
            return self._runner


def _began(program: Program) -> dict[str, object]:
    return {"entryClass": program.entry_class, "programArgsList": program.arguments}
