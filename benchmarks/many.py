"""What grows over thousands of submissions: the service's memory, and the classes that Flink's processes hold.

It takes long, so it is run by name: `python -m benchmarks.many [submissions]`.
"""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import linear_regression
from typing import Any

import httpx
import psutil

from benchmarks import report, running, submit
from penstock.client import Client

SUBMISSIONS = 2000
TOGETHER = 50
BEFORE = 100
METRICS = {
    "metaspace": ("Status.JVM.Memory.Metaspace.Used", 1e6),
    "classes": ("Status.JVM.ClassLoader.ClassesLoaded", 1),
    "unloaded": ("Status.JVM.ClassLoader.ClassesUnloaded", 1),
}
EXPLANATION = (
    f"The same {TOGETHER} jobs run and stopped again and again through the service; a sample after each round, "
    f"when none runs. The first {BEFORE} submissions warm up and are left out. The slope is that of a straight "
    "line through all samples; where memory is only given back when it runs short, it shows what is used in "
    "between."
)

Sample = dict[str, float]


def measure(submissions: int = SUBMISSIONS) -> report.Table:
    with (
        running.folder() as folder,
        running.ready(folder / "data", TOGETHER + 10) as (service, client),
        httpx.Client(trust_env=False) as http,
    ):
        ids = [client.create_sql_job(name=f"again-{number}", sql_body=submit.SQL) for number in range(TOGETHER)]
        samples, units = [], set()
        for _ in range(submissions // TOGETHER):
            again(client, ids)
            samples.append(sample(http, service.pid, folder / "data"))
            units.add(running.unit(folder / "data").incarnation)
            print(len(samples) * TOGETHER, {name: round(value) for name, value in samples[-1].items()}, flush=True)
    return table(samples[BEFORE // TOGETHER - 1 :], len(units) - 1)


def again(client: Client, ids: Sequence[int]) -> None:
    running.run(client, ids)
    running.stop(client, ids)


def sample(http: httpx.Client, service: int, data_dir: Path) -> Sample:
    unit = running.unit(data_dir)
    taskmanager = read(http, f"{unit.rest_url}/taskmanagers")["taskmanagers"][0]["id"]
    jobmanager = classes(http, f"{unit.rest_url}/jobmanager/metrics")
    return (
        {"Penstock, MB resident": psutil.Process(service).memory_info().rss / 1e6}
        | flink("JobManager", unit.pids[0], jobmanager)
        | flink("TaskManager", unit.pids[1], classes(http, f"{unit.rest_url}/taskmanagers/{taskmanager}/metrics"))
    )


def flink(name: str, pid: int, held: Mapping[str, float]) -> Sample:
    return {
        f"{name}, MB resident": psutil.Process(pid).memory_info().rss / 1e6,
        f"{name}, MB of metaspace": held["metaspace"],
        f"{name}, classes": held["classes"] - held["unloaded"],
    }


def classes(http: httpx.Client, url: str) -> dict[str, float]:
    """Ask until Flink has fetched the figures, which the first question makes it do."""
    names = ",".join(name for name, _ in METRICS.values())
    running.wait_for(lambda: read(http, f"{url}?get={names}"), "the metrics", every_s=0.1)
    values = {each["id"]: float(each["value"]) for each in read(http, f"{url}?get={names}")}
    return {short: values[name] / unit for short, (name, unit) in METRICS.items()}


def read(http: httpx.Client, url: str) -> Any:
    return http.get(url).raise_for_status().json()


def table(samples: Sequence[Sample], restarts: int) -> report.Table:
    done = [BEFORE + TOGETHER * number for number in range(len(samples))]
    rows: list[Sequence[str]] = [("", f"after {done[0]}", f"after {done[-1]}", "most", "slope for 1,000")]
    for name in samples[0]:
        values = [each[name] for each in samples]
        slope = linear_regression(done, values).slope * 1000
        figures = (values[0], values[-1], max(values))
        rows.append((name, *(f"{value:,.0f}" for value in figures), f"{slope:+,.1f}"))
    again = f"Flink was started anew {restarts} times in the course of it."
    return report.Table(f"{done[-1]:,} submissions", f"{EXPLANATION} {again}", rows)


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
