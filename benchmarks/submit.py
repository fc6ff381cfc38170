"""From the request to run a job until every task runs: through Penstock, and by Flink's own REST API."""

import time
import uuid

from benchmarks import report, running
from penstock.client import Client
from penstock.flink import runner
from penstock.flink.answers import JobRow
from penstock.flink.rest import FlinkRest

PAIRS = 25
WARMING = 3
SQL = """
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
CREATE TABLE sums (parity BIGINT, total BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sums SELECT MOD(n, 2), SUM(n) FROM numbers GROUP BY MOD(n, 2);
"""
EXPLANATION = (
    f"{PAIRS} pairs in turn on one warm cluster. *Penstock*: from the call of `run` until the list says "
    "`job_running`, which it does once Flink says that every task runs. *Bare Flink*: the same script, by the same "
    "runner, from `POST /jars/{id}/run` until `/jobs/overview` says so. Both are asked every 10 ms."
)


def measure() -> report.Table:
    with running.folder() as folder, running.ready(folder / "data") as (_, client):
        flink = FlinkRest(running.unit(folder / "data").rest_url)
        pairs = [(through_penstock(client), by_flink(flink)) for _ in range(WARMING + PAIRS)][WARMING:]
        flink.close()
    ours, bare = zip(*pairs, strict=True)
    rows = [
        ("from request to running", "median", "of bare Flink's, by pairs (middle half)"),
        ("Penstock", report.seconds(ours), report.ratio(ours, bare)),
        ("bare Flink", report.seconds(bare), "1"),
    ]
    return report.Table("A job's start", EXPLANATION, rows)


def through_penstock(client: Client) -> float:
    job_id = client.create_sql_job(name="measured", sql_body=SQL)
    began = time.perf_counter()
    client.run_jobs([job_id])
    running.wait_for(lambda: client.list_jobs()["jobs"][0]["status"] == "job_running", "the job")
    took = time.perf_counter() - began
    client.stop_jobs([job_id])
    running.wait_for(lambda: client.list_jobs()["jobs"][0]["status"] == "job_cancel_success", "its end")
    client.delete_job(job_id)
    return took


def by_flink(flink: FlinkRest) -> float:
    jar = find_runner(flink)
    began = time.perf_counter()
    run = post(flink, jar)
    running.wait_for(lambda: row(flink, run).all_running, "the job")
    took = time.perf_counter() - began
    flink.cancel(run)
    running.wait_for(lambda: row(flink, run).state == "CANCELED", "its end")
    return took


def find_runner(flink: FlinkRest) -> str:
    """Wait for the runner, which the service uploads a moment after Flink is ready."""
    return running.wait_for(lambda: flink.find_jar(runner.upload_name()), "the runner")


def post(flink: FlinkRest, jar: str) -> str:
    """Submit the script to Flink, and give the job's id there."""
    run = uuid.uuid4().hex
    program = {"entryClass": runner.ENTRY_CLASS, "programArgsList": runner.program_arguments(SQL)}
    settings = {"pipeline.name": "measured", "restart-strategy.type": "none"}
    flink.run_jar(jar, {**program, "jobId": run, "flinkConfiguration": settings})
    return run


def row(flink: FlinkRest, run: str) -> JobRow:
    return next(row for row in flink.overview() if row.jid == run)


if __name__ == "__main__":
    print(measure())
