"""What the service costs while nobody calls it and no job runs."""

import time
from collections.abc import Mapping

import httpx
import psutil

from benchmarks import report, running

SETTLING_S = 10
MEASURED_S = 60
EXPLANATION = (
    f"All of them at once, for {MEASURED_S} s, beginning {SETTLING_S} s after Flink was ready. The reference is "
    "uvicorn with a Starlette application of one route, which nobody calls either; Flink (both processes, after it "
    "has planned SQL) stands beside for scale. The service looks at Flink once a second all the while."
)


def measure() -> report.Table:
    port = running.free_port()
    with (
        running.folder() as folder,
        running.bare_server(port) as bare,
        running.ready(folder / "data") as (service, _),
        httpx.Client(trust_env=False) as http,
    ):
        running.wait_for(lambda: running.answers(http, port, "/healthz"), "the bare server")
        pids = {
            "Penstock": [service.pid],
            "Flink": running.unit(folder / "data").pids,
            "bare web server": [bare.pid],
        }
        return table({name: [psutil.Process(pid) for pid in each] for name, each in pids.items()})


def table(processes: Mapping[str, list[psutil.Process]]) -> report.Table:
    time.sleep(SETTLING_S)
    before, began = {name: cpu_s(each) for name, each in processes.items()}, time.monotonic()
    time.sleep(MEASURED_S)
    minutes = (time.monotonic() - began) / 60
    cpu = {name: (cpu_s(each) - before[name]) / minutes for name, each in processes.items()}
    memory = {name: sum(one.memory_info().rss for one in each) / 1e6 for name, each in processes.items()}
    rows = [("idle", "resident memory", "of the bare web server's", "CPU a minute")]
    for name in processes:
        of_bare = memory[name] / memory["bare web server"]
        rows.append((name, f"{memory[name]:.0f} MB", f"{of_bare:.1f}", f"{cpu[name]:.2f} s"))
    return report.Table("The idle service", EXPLANATION, rows)


def cpu_s(processes: list[psutil.Process]) -> float:
    return sum(times.user + times.system for times in (process.cpu_times() for process in processes))


if __name__ == "__main__":
    print(measure())
