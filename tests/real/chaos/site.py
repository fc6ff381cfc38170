"""A service on a folder of its own with its Flink, and an observer that samples both side by side."""

import contextlib
import json
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from penstock.client import ApiError, Client, Signature, Unreachable
from penstock.flink import cluster
from tests.real.chaos.judge import FlinkJob, Sample
from tests.real.chaos.wire import Wire
from tests.real.conftest import Served, wait_for

_KEY = "HUAWEICLOUD_SDK_"
_EVERY_S = 0.5
_PATIENCE_S = 2.0
"""A list that took longer says nothing about the moment of its sample."""


@dataclass
class Site:
    """A running service, which can be started again; its samples begin at once."""

    folder: Path
    served: Served
    key: tuple[str, str, str]
    """Access key, its secret, and the project."""
    ends: contextlib.ExitStack
    http: httpx.Client
    client: Client = field(init=False)
    """Of the service as it runs now; it gets another port at each start."""
    queues: list[str] = field(default_factory=lambda: ["default"])
    wires: list[Wire] = field(default_factory=list)
    """To the clusters that the service has not started."""
    samples: list[Sample] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._connect()

    def restart(self) -> None:
        """Start the service again after it was killed."""
        assert self.served.process is not None
        self.served.process.wait()
        self.served.start()
        self._connect()

    def attach(self, queue: str, wire: Wire) -> None:
        """Make a queue of the cluster at the other end of the wire."""
        access_key, secret, project = self.key
        body = {"queue_name": queue, "cu_count": 64, "penstock": {"rest_url": _url(wire)}}
        signed = Signature(access_key, secret)
        answer = self.http.post(f"{self.served.url}/v1.0/{project}/queues", auth=signed, json=body)
        assert answer.is_success, answer.text
        self.wires.append(wire)
        self.queues.append(queue)

    def rows(self) -> dict[str, dict[str, Any]]:
        """Give the jobs of the list by their names; raises as `Client` does."""
        return {str(job["name"]): job for job in self.client.list_jobs(limit=100)["jobs"]}

    def observe(self, stop: threading.Event) -> None:
        """Take samples until told to stop."""
        while not stop.wait(_EVERY_S):
            self.samples.append(self._sample())

    def _connect(self) -> None:
        self.client = self.ends.enter_context(Client(self.served.url, *self.key))

    def _sample(self) -> Sample:
        asked_at = time.monotonic()
        rows: dict[str, str] | None = None
        with contextlib.suppress(ApiError, Unreachable):
            rows = {name: str(job["status"]) for name, job in self.rows().items()}
        in_time = time.monotonic() - asked_at < _PATIENCE_S
        return Sample(asked_at, rows if in_time else None, self._all_of_flink())

    def _all_of_flink(self) -> list[FlinkJob] | None:
        """Give what every cluster shows; None while there is none, or one does not answer."""
        units = (self.served.data_dir / "engines").rglob("unit.json")
        try:
            urls = [json.loads(unit.read_bytes())["rest_url"] for unit in units] + [*map(_url, self.wires)]
            shown = [self.http.get(f"{url}/jobs/overview").json()["jobs"] for url in urls]
        except (OSError, ValueError, KeyError, httpx.HTTPError):
            return None
        return [_job(job) for jobs in shown for job in jobs] if shown else None


def _url(wire: Wire) -> str:
    return f"http://127.0.0.1:{wire.port}"


def _job(shown: dict[str, Any]) -> FlinkJob:
    tasks = shown["tasks"]
    all_running = shown["state"] == "RUNNING" and tasks["running"] + tasks["finished"] == tasks["total"]
    return FlinkJob(shown["name"], shown["state"], all_running)


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Site]:
    """Start a service in the folder and observe it; at the end nothing of it lives."""
    served = Served(folder / "data")
    served.data_dir.mkdir()
    stop = threading.Event()
    with contextlib.ExitStack() as ends:
        ends.callback(_end, served)
        served.start()
        served.wait_until_ready()
        given = served.environment()
        key = (given[_KEY + "AK"], given[_KEY + "SK"], given[_KEY + "PROJECT_ID"])
        http = ends.enter_context(httpx.Client(timeout=_PATIENCE_S, trust_env=False))
        site = Site(folder, served, key, ends, http)
        observer = threading.Thread(target=site.observe, args=[stop], name="observer")
        observer.start()
        ends.callback(observer.join)
        ends.callback(stop.set)
        wait_for(lambda: site.samples, "the first sample")
        yield site


def _end(served: Served) -> None:
    served.stop("--engines")
    assert cluster.stop_all(served.data_dir) == 0
