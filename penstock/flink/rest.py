"""A small typed client of Flink's REST API: what we ask of it, and nothing else. Safe for several threads."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TypeVar

import httpx
import msgspec
import tenacity

from penstock.flink import answers

_TIMES = httpx.Timeout(10.0, connect=2.0)
_UNTIL_PLANNED = httpx.Timeout(120.0, connect=2.0)
"""For the POSTs that Flink answers when main() returns, which takes a cold planner on a busy machine long.

The submission window of `lifecycle` is longer, so that what was sent has been answered or given up when it closes.
"""
_METASPACE = "Status.JVM.Memory.Metaspace"
_Answer = TypeVar("_Answer")

Json = Mapping[str, object]


class RestUnavailable(Exception):
    """Flink did not answer: whether it acted is unknown."""


class RestError(Exception):
    """Flink refused, and the text is its own, stack trace included; or what it answered cannot be read (502)."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class FlinkRest:
    """Flink's REST API at one address. Every method raises `RestUnavailable` or `RestError`."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=_TIMES, trust_env=False)

    def close(self) -> None:
        self._http.close()

    # what is there

    def overview(self) -> list[answers.JobRow]:
        return self._read("/jobs/overview", answers.Overview).jobs

    def resources(self) -> answers.Resources:
        return self._read("/overview", answers.Resources)

    def version(self) -> str:
        return self._read("/config", answers.ClusterConfig).flink_version

    def metaspace_percent(self) -> int:
        """Return how full the metaspace is of the process where it is fullest; 0 where that is unknown."""
        ids = [each.id for each in self._read("/taskmanagers", answers.TaskManagers).taskmanagers]
        return max(self._metaspace_percent(at) for at in ("jobmanager", *(f"taskmanagers/{id}" for id in ids)))

    def _metaspace_percent(self, process: str) -> int:
        used, most = f"{_METASPACE}.Used", f"{_METASPACE}.Max"
        gauges = self._read(f"/{process}/metrics?get={used},{most}", list[answers.Gauge])
        values = {each.id: int(each.value) for each in gauges}
        return 100 * values.get(used, 0) // limit if (limit := values.get(most, 0)) > 0 else 0

    def job(self, job: str) -> answers.JobDetail:
        return self._read(f"/jobs/{job}", answers.JobDetail)

    def subtasks(self, job: str, vertex: str) -> list[answers.Subtask]:
        """Return the newest attempt of each parallel instance."""
        return self._read(f"/jobs/{job}/vertices/{vertex}", answers.VertexDetail).subtasks

    def attempt(self, job: str, vertex: str, subtask: int, number: int) -> answers.Subtask:
        path = f"/jobs/{job}/vertices/{vertex}/subtasks/{subtask}/attempts/{number}"
        return self._read(path, answers.Subtask)

    def newest_failure(self, job: str) -> str | None:
        """Return the stack trace of the job's newest failure."""
        answer = self._read(f"/jobs/{job}/exceptions", answers.Exceptions)
        entries = answer.exception_history.entries
        return entries[0].stacktrace if entries else None

    def newest_checkpoint(self, job: str) -> str | None:
        """Return the URI of the newest completed checkpoint, unless Flink has removed it since."""
        answer = self._read(f"/jobs/{job}/checkpoints", answers.Checkpoints)
        newest = answer.latest.completed
        return newest.external_path if newest and not newest.discarded else None

    def restarts(self, job: str) -> int:
        """Return how often Flink has restarted the job, as far as its metrics say (not yet, or no longer: 0)."""
        metrics = self._read(f"/jobs/{job}/metrics?get=numRestarts", list[answers.Metric])
        return int(metrics[0].value) if metrics else 0

    def gauges(self, job: str, vertex: str, ids: Collection[str]) -> dict[str, float]:
        """Return metrics of a task, each the sum over its instances, as far as they are known."""
        query = httpx.QueryParams({"get": ",".join(ids), "agg": "sum"})
        path = f"/jobs/{job}/vertices/{vertex}/subtasks/metrics?{query}"
        return {each.id: each.sum for each in self._read(path, list[answers.Sum])}

    def gauge_ids(self, job: str, vertex: str) -> list[str]:
        """Return which metrics of a task there are."""
        path = f"/jobs/{job}/vertices/{vertex}/subtasks/metrics"
        return [each.id for each in self._read(path, list[answers.MetricId])]

    def plan(self, job: str) -> str:
        """Return Flink's plan of the job, as JSON text."""
        return bytes(self._read(f"/jobs/{job}/plan", answers.Plan).plan).decode(errors="replace")

    # programs

    def find_jar(self, name: str) -> str | None:
        """Return the id of an uploaded jar by the name it was uploaded under."""
        return next((jar.id for jar in self.jars() if jar.name == name), None)

    def upload_jar(self, jar: Path, name: str) -> str:
        """Upload a jar and return its id."""
        with jar.open("rb") as content:
            part = (name, content, "application/x-java-archive")
            answer = self._send("POST", "/jars/upload", files={"jarfile": part})
        return _decoded(answer, answers.Uploaded).filename.rpartition("/")[2]

    def jars(self) -> list[answers.Jar]:
        return self._read("/jars", answers.Jars).files

    def delete_jar(self, jar_id: str) -> None:
        self._send("DELETE", f"/jars/{jar_id}")

    def run_jar(self, jar_id: str, body: Json) -> None:
        self._send("POST", f"/jars/{jar_id}/run", body, _UNTIL_PLANNED)

    def plan_jar(self, jar_id: str, body: Json) -> answers.JobPlan:
        """Let the program plan its job without running it."""
        answer = self._send("POST", f"/jars/{jar_id}/plan", body, _UNTIL_PLANNED)
        return _decoded(answer, answers.PlannedJob).plan

    # one job; a savepoint asked for twice under one trigger id is one savepoint

    def cancel(self, job: str) -> None:
        self._send("PATCH", f"/jobs/{job}?mode=cancel")

    def trigger_savepoint(self, job: str, uri: str, trigger: str) -> None:
        body = {"target-directory": uri, "cancel-job": False, "triggerId": trigger}
        self._send("POST", f"/jobs/{job}/savepoints", body)

    def stop_with_savepoint(self, job: str, uri: str, trigger: str) -> None:
        body = {"targetDirectory": uri, "drain": False, "triggerId": trigger}
        self._send("POST", f"/jobs/{job}/stop", body)

    def savepoint(self, job: str, trigger: str) -> answers.Operation:
        answer = self._read(f"/jobs/{job}/savepoints/{trigger}", answers.OperationState)
        outcome = answer.operation or answers.Outcome()
        failure = outcome.failure_cause
        return answers.Operation(outcome.location, failure.stack_trace if failure else None)

    def _read(self, path: str, shape: type[_Answer]) -> _Answer:
        return _decoded(self._get(path), shape)

    @tenacity.retry(
        retry=tenacity.retry_if_exception_cause_type((httpx.RemoteProtocolError, httpx.ReadError)),
        stop=tenacity.stop_after_attempt(2),
        reraise=True,
    )
    def _get(self, path: str) -> bytes:
        """Ask once more when a kept connection turns out to be closed."""
        return self._send("GET", path)

    def _send(
        self,
        method: str,
        path: str,
        body: Json | None = None,
        timeout: httpx.Timeout = _TIMES,
        files: Mapping[str, tuple[str, object, str]] | None = None,
    ) -> bytes:
        try:
            answer = self._http.request(method, path, json=body, timeout=timeout, files=files)  # type: ignore[arg-type]
        except (httpx.RequestError, UnicodeError) as error:  # the latter of a host that no resolver takes
            raise RestUnavailable(str(error) or type(error).__name__) from error
        except RuntimeError as error:  # closed meanwhile, by whoever has found the cluster dead
            raise RestUnavailable("it is no longer asked") from error
        if answer.is_success:
            return answer.content
        if answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:  # no JobManager leads yet
            raise RestUnavailable(_errors(answer))
        raise RestError(answer.status_code, _errors(answer))


def _decoded(answer: bytes, shape: type[_Answer]) -> _Answer:
    try:
        return msgspec.json.decode(answer, type=shape)
    except ValueError as error:  # malformed JSON, another shape, or no UTF-8
        raise RestError(httpx.codes.BAD_GATEWAY, f"an answer of Flink cannot be read: {error}") from error


def _errors(answer: httpx.Response) -> str:
    """Read why Flink refused; what else answers at the address of a queue is not for those who named it."""
    try:
        return "\n".join(msgspec.json.decode(answer.content, type=answers.Errors).errors)
    except ValueError:
        return f"it answers HTTP {answer.status_code}, and not as Flink does"
