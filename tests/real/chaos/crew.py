"""The jobs at work: started, checked when they have ended, and replaced."""

import contextlib
import itertools
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from penstock.client import ApiError, Unreachable
from tests.real.chaos.judge import Wrong
from tests.real.chaos.site import Site
from tests.real.chaos.workload import Workload

T = TypeVar("T")

ENDLESS = 200_000
"""The last number of a job that is stopped long before it."""
_PATIENCE_S = 120
_AGAIN_S = 0.5


@dataclass(frozen=True)
class Trouble:
    """What went wrong with a job, and when that was found."""

    at: float
    wrong: Wrong
    job: str
    detail: str


@dataclass
class Crew:
    """So many jobs at once: two without an end, one of them parallel, and bounded ones for the rest."""

    site: Site
    chance: random.Random
    size: int
    seconds: tuple[int, int]
    """How long bounded jobs run when nothing happens."""
    at_work: dict[str, Workload] = field(default_factory=dict)
    troubles: list[Trouble] = field(default_factory=list)
    refused: int = 0
    """Jobs that failed before they ran, and were run again, as their user would."""
    checked: int = 0
    lines: int = 0
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def refill(self) -> None:
        """Start as many jobs as are missing, and return when that is accepted, before they run."""
        while len(self.at_work) < self.size:
            workload = self._next()
            self.at_work[workload.name] = workload
            self._start(workload)

    def settle(self) -> None:
        """Check and release the jobs that have ended or are wrong already, and run the refused ones again."""
        rows = insist(self.site.rows)
        for workload in list(self.at_work.values()):
            row = rows.get(workload.name, {"status": None, "status_desc": "not in the list"})
            match row["status"]:
                case "job_finish" | "job_cancel_success" as status:
                    self._check(workload, whole=status == "job_finish")
                case "job_running" if twice := workload.twice():
                    self.accuse(
                        Wrong.MISCOUNTED, workload.name, f"{len(twice)} lines from {twice[0]} on are there twice"
                    )
                    self._release(workload)
                case "job_submit_fail" if not workload.files():
                    self.refused += 1
                    self._start(workload)
                case None | "job_init" | "job_submit_fail" | "job_running_exception" as status:
                    self.accuse(Wrong.LOST, workload.name, f"{status}: {row['status_desc']}")
                    self._release(workload)

    def wind_up(self, patience_s: float) -> None:
        """Let the bounded jobs finish, stop the others with a savepoint, and check all."""
        deadline = time.monotonic() + patience_s
        while self.at_work and time.monotonic() < deadline:
            self._stop_the_endless()
            self.settle()
            time.sleep(_AGAIN_S)
        for name in self.at_work:
            self.accuse(Wrong.STUCK, name, f"has not ended {patience_s:.0f} s after the last fault")

    def accuse(self, wrong: Wrong, name: str, detail: str) -> None:
        self.troubles.append(Trouble(time.monotonic(), wrong, name, detail))

    def _next(self) -> Workload:
        number = next(self._numbers)
        name = f"job_{number}"
        per_second = 20
        last = ENDLESS if number < 2 else per_second * self.chance.randint(*self.seconds)
        queue = self.site.queues[number % len(self.site.queues)]
        return Workload(name, self.site.folder / name, last, per_second, 2 if number % 4 == 1 else 1, queue)

    def _start(self, workload: Workload) -> None:
        """Create and run it, as far as an earlier attempt that had no answer has not done that."""

        def start() -> None:
            row = self.site.rows().get(workload.name)
            job_id = int(row["job_id"]) if row else self.site.client.create_sql_job(**workload.fields())
            if row is None or row["status"] in ("job_init", "job_submit_fail"):
                self.site.client.run_jobs([job_id], resume_savepoint=True)

        insist(start)

    def _stop_the_endless(self) -> None:
        for name, row in insist(self.site.rows).items():
            endless = name in self.at_work and self.at_work[name].last == ENDLESS
            if endless and row["status"] in ("job_running", "job_cancel_fail"):
                with contextlib.suppress(ApiError, Unreachable):  # asked again in a moment
                    self.site.client.stop_jobs([int(row["job_id"])], trigger_savepoint=True)

    def _check(self, workload: Workload, *, whole: bool) -> None:
        if mistake := workload.mistake(whole=whole):
            self.accuse(Wrong.MISCOUNTED, workload.name, mistake)
        self.checked += 1
        self.lines += len(workload.lines())
        self._release(workload)

    def _release(self, workload: Workload) -> None:
        """Delete it: from now on nothing of it may live."""

        def delete() -> None:
            if row := self.site.rows().get(workload.name):
                self.site.client.delete_job(int(row["job_id"]))

        del self.at_work[workload.name]
        insist(delete)


def insist(call: Callable[[], T]) -> T:
    """Call until it succeeds, as the service may be down; raises what it last raised when that lasts too long."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return call()
        except (ApiError, Unreachable):
            if time.monotonic() > deadline:
                raise
        time.sleep(_AGAIN_S)
