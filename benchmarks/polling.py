"""What it costs to keep an eye on many running jobs: of the service itself, and of Flink that answers it."""

import time
from collections.abc import Sequence
from statistics import median

import psutil

from benchmarks import report, running, submit

JOBS = 150
PAIRS = 4
WINDOW_S = 8
SETTLING_S = 10
EXPLANATION = (
    f"CPU of both processes in windows of {WINDOW_S} s, as the median of {PAIRS}: first with no job, then with "
    f"{JOBS} running jobs, the service polling and paused (SIGSTOP) in turn. *Polling* is, for the service, what "
    "it uses with the jobs beyond what it uses without; for the JobManager, what it uses while it is polled "
    "beyond what the same jobs make it use while it is not, by pairs (middle half)."
)


def measure() -> report.Table:
    with running.folder() as folder, running.ready(folder / "data", JOBS + 10) as (service, client):
        both = [psutil.Process(service.pid), psutil.Process(running.unit(folder / "data").pids[0])]
        time.sleep(SETTLING_S)
        idle = [used(both) for _ in range(PAIRS)]
        ids = [client.create_sql_job(name=f"polled-{number}", sql_body=submit.SQL) for number in range(JOBS)]
        running.run(client, ids)
        time.sleep(SETTLING_S)
        pairs = [(used(both), used_while_paused(both)) for _ in range(PAIRS)]
    polled, paused = zip(*pairs, strict=True)
    ours = [with_jobs[0] - without[0] for with_jobs, without in zip(polled, idle, strict=True)]
    flinks = [with_us[1] - alone[1] for with_us, alone in pairs]
    rows = [
        ("CPU, % of one core", "Penstock", "JobManager"),
        ("no job", *middles(idle)),
        (f"{JOBS} jobs, Penstock paused", *middles(paused)),
        (f"{JOBS} jobs", *middles(polled)),
        ("polling", report.spread(ours), report.spread(flinks)),
    ]
    return report.Table("Watching many jobs", EXPLANATION, rows)


def used(processes: Sequence[psutil.Process]) -> list[float]:
    """Give what each process uses in one window, in % of a core."""
    before, began = [cpu_s(each) for each in processes], time.monotonic()
    time.sleep(WINDOW_S)
    window = time.monotonic() - began
    return [(cpu_s(each) - start) / window * 100 for each, start in zip(processes, before, strict=True)]


def used_while_paused(both: Sequence[psutil.Process]) -> list[float]:
    both[0].suspend()
    try:
        return used(both)
    finally:
        both[0].resume()


def cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def middles(windows: Sequence[Sequence[float]]) -> list[str]:
    return [f"{median(each):.2f}" for each in zip(*windows, strict=True)]


if __name__ == "__main__":
    print(measure())
