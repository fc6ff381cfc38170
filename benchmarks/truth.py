"""How long a status of ours is behind Flink's own while jobs run, are stopped, fail and finish."""

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from statistics import quantiles

import httpx
import msgspec

from benchmarks import report, running
from penstock.client import ApiError, Client
from penstock.flink.answers import JobRow

JOBS = 100
CHURN_S = 45
ACT_EVERY_S = 0.3
SAMPLE_S = 0.05
SEED = 1
AT_REST = frozenset({"job_init", "job_cancel_success", "job_finish", "job_running_exception", "job_submit_fail"})
MEANT = {
    "RUNNING": {"job_running"},
    "FINISHED": {"job_finish", "job_cancel_success"},
    "CANCELED": {"job_cancel_success"},
    "FAILED": {"job_running_exception", "job_submit_fail", "job_cancel_success"},
}
"""What we call a state of Flink: RUNNING with all tasks running; whatever ends after a stop is cancelled."""
ENDLESS = "'rows-per-second' = '20'"
ENDS = "'rows-per-second' = '20', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '{rows}'"
SQL = """
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', {source});
CREATE TABLE shares (share BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO shares SELECT 1000 / ({failing} - n) FROM numbers;
"""
KINDS = [
    SQL.format(source=ENDLESS, failing="9223372036854775807"),
    SQL.format(source=ENDS.format(rows=100), failing="9223372036854775807"),
    SQL.format(source=ENDS.format(rows=1000), failing="100"),
]
"""Jobs that run until they are stopped, finish after five seconds, and fail after five seconds."""
EXPLANATION = (
    f"{JOBS} jobs (a third each that run on, finish and fail) are run at once, then one taken at random is run or "
    f"stopped every {ACT_EVERY_S:g} s for {CHURN_S} s. `/jobs/overview` of Flink and the signed list are both "
    f"read every {SAMPLE_S * 1000:.0f} ms, side by side, which bounds what can be told apart. The lag is from the "
    "first sample in which Flink shows a state until the first in which the list shows the status that stands "
    "for it. A state that Flink leaves before that is *passed over*. It ends when every status agrees with "
    "Flink."
)


class Row(JobRow, frozen=True):
    name: str


class Rows(msgspec.Struct):
    jobs: list[Row]


@dataclass(frozen=True)
class Change:
    """A job was seen in another state than before."""

    at: float
    to: str


@dataclass
class Trail:
    """The changes of each job, by its name."""

    changes: dict[str, list[Change]] = field(default_factory=dict)

    def note(self, name: str, to: str, at: float) -> None:
        trail = self.changes.setdefault(name, [])
        if not trail or trail[-1].to != to:
            trail.append(Change(at, to))


def measure() -> report.Table:
    with (
        running.folder() as folder,
        running.ready(folder / "data", JOBS + 10) as (_, client),
        httpx.Client(trust_env=False, timeout=60, base_url=running.unit(folder / "data").rest_url) as http,
    ):
        bodies = [KINDS[number % len(KINDS)] for number in range(JOBS)]
        ids = [client.create_sql_job(name=f"churned-{n}", sql_body=body) for n, body in enumerate(bodies)]
        flinks, ours = Trail(), Trail()
        with every(SAMPLE_S, lambda: note_flink(http, flinks)), every(SAMPLE_S, lambda: note_list(client, ours)):
            churn(client, ids)
            running.wait_for(lambda: is_settled(flinks, ours), "the last statuses", every_s=SAMPLE_S)
    return table(flinks, ours)


@contextlib.contextmanager
def every(seconds: float, act: Callable[[], None]) -> Iterator[None]:
    """Do something again and again on a thread of its own, until the end of the block."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.is_set():
            began = time.monotonic()
            act()
            ended.wait(max(0.0, began + seconds - time.monotonic()))

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def note_flink(http: httpx.Client, trail: Trail) -> None:
    rows = msgspec.json.decode(http.get("/jobs/overview").content, type=Rows).jobs
    at = time.monotonic()
    newest = {row.name: row for row in sorted(rows, key=lambda row: row.start_time)}
    for name, row in newest.items():
        trail.note(name, row.state if row.state != "RUNNING" or row.all_running else "STARTING", at)


def note_list(client: Client, trail: Trail) -> None:
    listed = client.list_jobs(limit=JOBS)["jobs"]
    at = time.monotonic()
    for job in listed:
        trail.note(job["name"], job["status"], at)


def churn(client: Client, ids: Sequence[int]) -> None:
    client.run_jobs(ids)
    chosen, until = random.Random(SEED), time.monotonic() + CHURN_S
    while time.monotonic() < until:
        job = chosen.choice(client.list_jobs(limit=JOBS)["jobs"])
        if job["status"] in AT_REST:
            client.run_jobs([job["job_id"]])
        elif job["status"] == "job_running":
            with contextlib.suppress(ApiError):  # it has ended meanwhile
                client.stop_jobs([job["job_id"]])
        time.sleep(ACT_EVERY_S)
    with contextlib.suppress(ApiError):  # none is left to stop
        client.stop_jobs(ids)


def is_settled(flinks: Trail, ours: Trail) -> bool:
    last = {name: trail[-1].to for name, trail in ours.changes.items()}
    return all(status in AT_REST for status in last.values()) and all(
        last[name] in MEANT.get(trail[-1].to, ()) for name, trail in flinks.changes.items()
    )


def table(flinks: Trail, ours: Trail) -> report.Table:
    rows = [("Flink's state", "changes", "passed over", "lag, p50", "p99", "most")]
    every_lag: list[float] = []
    for state in MEANT:
        found = [lag(ours.changes[name], *pair) for name, pair in pairs(flinks, state)]
        lags = [each for each in found if each is not None]
        every_lag += lags
        rows.append((state, str(len(found)), str(len(found) - len(lags)), *figures(lags)))
    changes, passed = (sum(int(row[column]) for row in rows[1:]) for column in (1, 2))
    rows.append(("all", str(changes), str(passed), *figures(every_lag)))
    return report.Table("The truth of a status", EXPLANATION, rows)


def pairs(trail: Trail, state: str) -> Iterator[tuple[str, tuple[Change, float]]]:
    """Give the changes to a state, each with the time of the change after it."""
    for name, changes in trail.changes.items():
        ends = [change.at for change in changes[1:]] + [float("inf")]
        yield from ((name, (change, end)) for change, end in zip(changes, ends, strict=True) if change.to == state)


def lag(ours: list[Change], change: Change, left_at: float) -> float | None:
    """Give the seconds until the status says what the state means; None if that never was before Flink left it."""
    for number, status in enumerate(ours):
        ended = ours[number + 1].at if number + 1 < len(ours) else float("inf")
        if status.to in MEANT[change.to] and ended > change.at:
            late = max(0.0, status.at - change.at)
            return late if status.at <= left_at else None
    return None


def figures(lags: list[float]) -> tuple[str, str, str]:
    if len(lags) < 2:
        return "-", "-", "-"
    percentiles = quantiles(lags, n=100, method="inclusive")
    return f"{percentiles[49]:.2f} s", f"{percentiles[98]:.2f} s", f"{max(lags):.2f} s"


if __name__ == "__main__":
    print(measure())
