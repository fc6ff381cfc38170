"""Many jobs submitted at once: by one call of Penstock, and by a loop of calls of Flink's own REST API."""

import time
from collections.abc import Sequence

from benchmarks import report, running, submit
from penstock.client import Client
from penstock.flink.rest import FlinkRest

JOBS = 100
ROUNDS = 3
WARMING = 10
EXPLANATION = (
    f"{ROUNDS} rounds of both in turn on one warm cluster of {JOBS + WARMING} slots. *Penstock*: from one call of "
    f"`run` with {JOBS} ids until the list counts {JOBS} `job_running`. *Bare Flink*: the same scripts, by the "
    "same runner, from the first of as many `POST /jars/{id}/run` one after the other until `/jobs/overview` "
    "says that every task of all runs. Both are asked every 50 ms."
)


def measure() -> report.Table:
    with running.folder() as folder, running.ready(folder / "data", JOBS + WARMING) as (_, client):
        flink = FlinkRest(running.unit(folder / "data").rest_url)
        by_flink(flink, WARMING)
        ids = [client.create_sql_job(name=f"measured-{number}", sql_body=submit.SQL) for number in range(JOBS)]
        pairs = [(through_penstock(client, ids), by_flink(flink, JOBS)) for _ in range(ROUNDS)]
        flink.close()
    ours, bare = zip(*pairs, strict=True)
    rows = [
        (f"{JOBS} jobs, from request to running", "median", "of bare Flink's, by pairs (middle half)"),
        ("Penstock", report.seconds(ours), report.ratio(ours, bare)),
        ("bare Flink", report.seconds(bare), "1"),
    ]
    return report.Table("Many jobs at once", EXPLANATION, rows)


def through_penstock(client: Client, ids: Sequence[int]) -> float:
    began = time.perf_counter()
    running.run(client, ids)
    took = time.perf_counter() - began
    running.stop(client, ids)
    return took


def by_flink(flink: FlinkRest, jobs: int) -> float:
    jar = submit.find_runner(flink)
    began = time.perf_counter()
    runs = [submit.post(flink, jar) for _ in range(jobs)]
    running.wait_for(lambda: sum(row.all_running for row in flink.overview()) == jobs, "the jobs", every_s=0.05)
    took = time.perf_counter() - began
    for run in runs:
        flink.cancel(run)
    ended = "CANCELED"
    running.wait_for(lambda: all(row.state == ended for row in flink.overview()), "their end", every_s=0.05)
    return took


if __name__ == "__main__":
    print(measure())
