"""Orders a second through a pipeline with state on a server: by Penstock, and by Flink as its own scripts start it.

Kafka, windowed SQL with a function of a jar, PostgreSQL: the job and its parts are those of `tests.real.pipeline`.
It needs connectors, so it is run by name: `python -m benchmarks.throughput [pairs]`.
"""

import contextlib
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import obstore
import psutil
import psycopg

from benchmarks import report, running
from benchmarks.bare_flink import BareFlink
from penstock.client import Client
from tests import postgres
from tests.flink import programs
from tests.parts.kafka import Broker
from tests.parts.s3 import S3Server
from tests.postgres import Database
from tests.real import pipeline
from tests.real.conftest import Served
from tests.real.orders import PARTITIONS, Orders

PAIRS = 7
WARMING = 2
ORDERS = 3_000_000
CHECKPOINTS_S = 2
PATIENCE_S = 900
PARALLELISM = 2
TABLE = """
DROP TABLE IF EXISTS turnover;
CREATE TABLE turnover (
  window_start TIMESTAMP(3), shop TEXT, orders BIGINT, cents BIGINT,
  written_at TIMESTAMPTZ DEFAULT clock_timestamp(), PRIMARY KEY (window_start, shop)
)
"""
WRITTEN = "SELECT SUM(orders), EXTRACT(EPOCH FROM MAX(written_at) - MIN(written_at)) FROM turnover"
BARE_SETTINGS = {
    "parallelism.default": str(PARALLELISM),
    "execution.checkpointing.interval": f"{CHECKPOINTS_S} s",
    "execution.checkpointing.dir": f"s3://{pipeline.BUCKET}/bare",
    "table.exec.sink.require-on-conflict": "false",
}
EXPLANATION = (
    f"{{pairs}} pairs in turn, after {WARMING} that warm up, over the same {ORDERS:,} orders in Kafka: the "
    "windowed SQL job of `tests.real.pipeline`, with a function of a jar, writes to PostgreSQL; a checkpoint every "
    f"{CHECKPOINTS_S} s on an S3-compatible server. The time is from the first row to the last, by PostgreSQL's "
    "clock. *Bare Flink*: the same distribution, connectors, memory and slots, with the Java options, settings and "
    "logging of Flink's own scripts; the same SQL by `POST /jars/{{id}}/run`, and Penstock paused (SIGSTOP) "
    "meanwhile. *CPU* is that of the Flink that works, and in its turn of Penstock, from submission to last row; "
    "it tells the two apart also while other work takes the processors."
)


@dataclass(frozen=True)
class Drain:
    """One run of the job over the whole topic."""

    orders_per_s: float
    cpu_s: float


@dataclass(frozen=True)
class Parts:
    """What both read and write."""

    broker: Broker
    s3: S3Server
    database: Database
    function: Path

    def fill(self) -> None:
        """Write the function's jar and the orders."""
        self.function.write_bytes(programs.some("Shout"))
        obstore.put(self.s3.bucket(pipeline.BUCKET), self.function.name, self.function)
        orders = Orders(ORDERS)
        self.broker.create_topic("orders", PARTITIONS)
        self.broker.produce("orders", orders.messages(range(ORDERS)))
        self.broker.produce("orders", orders.closing())

    def sql(self) -> str:
        """Give the script with a consumer group of its own, which begins at the first order."""
        group = uuid.uuid4().hex
        return pipeline.SQL.format(broker=self.broker.address, topic="orders", group=group, database=self.database)

    def drain(self, submit: Callable[[], None], pids: Sequence[int]) -> Drain:
        """Let a job turn all orders into rows, of which the table has none before."""
        with self.database.connect() as connection:
            connection.execute(TABLE)
            before = cpu_s(pids)
            submit()
            running.wait_for(lambda: written(connection)[0] == ORDERS, "all orders", 0.2, PATIENCE_S)
            return Drain(ORDERS / written(connection)[1], cpu_s(pids) - before)


def written(connection: psycopg.Connection) -> tuple[int, float]:
    """Count the orders in the rows, and the seconds between the first row and the last."""
    orders, seconds = connection.execute(WRITTEN).fetchall()[0]
    return int(orders or 0), float(seconds or 0)


def cpu_s(pids: Sequence[int]) -> float:
    times = [psutil.Process(pid).cpu_times() for pid in pids]
    return sum(each.user + each.system for each in times)


class Penstock:
    """The service, and the job that it runs at present."""

    def __init__(self, served: Served, client: Client) -> None:
        assert served.process is not None
        self.process = psutil.Process(served.process.pid)
        self.client = client
        self.pids = [served.process.pid, *running.unit(served.data_dir).pids]

    def submit(self, sql: str) -> None:
        self._job = self.client.create_sql_job(
            name="measured",
            sql_body=sql,
            udf_jar_url=f"obs://{pipeline.BUCKET}/shout.jar",
            obs_bucket=pipeline.BUCKET,
            log_enabled=True,
            parallel_number=PARALLELISM,
            checkpoint_enabled=True,
            checkpoint_interval=CHECKPOINTS_S,
        )
        self.client.run_jobs([self._job])

    def cancel(self) -> None:
        self.client.delete_job(self._job)
        running.wait_for(lambda: not self.client.list_jobs()["jobs"], "the end of the job")

    @contextlib.contextmanager
    def paused(self) -> Iterator[None]:
        self.process.suspend()
        try:
            yield
        finally:
            self.process.resume()


def measure(pairs: int = PAIRS) -> report.Table:
    with running.folder() as folder, contextlib.ExitStack() as stack:
        broker, s3 = Broker(folder), S3Server(folder)
        stack.callback(broker.stop)
        stack.callback(s3.stop)
        parts = Parts(broker, s3, postgres.server().new_reachable_database(), folder / "shout.jar")
        served = stack.enter_context(pipeline.connected_service(folder, s3))
        ours = Penstock(served, stack.enter_context(served.client()))
        bare = BareFlink(served.data_dir / "engines" / "default", folder / "bare")
        stack.callback(bare.stop)
        parts.fill()
        done = [(by_penstock(ours, parts), by_flink(ours, bare, parts)) for _ in range(WARMING + pairs)]
    return table(done[WARMING:])


def by_penstock(ours: Penstock, parts: Parts) -> Drain:
    drain = parts.drain(lambda: ours.submit(parts.sql()), ours.pids)
    ours.cancel()
    print(drain, flush=True)
    return drain


def by_flink(ours: Penstock, bare: BareFlink, parts: Parts) -> Drain:
    settings = BARE_SETTINGS | {"pipeline.classpaths": parts.function.as_uri()}
    with ours.paused():
        drain = parts.drain(lambda: bare.submit(parts.sql(), settings), bare.pids)
        bare.cancel()
    print(drain, flush=True)
    return drain


def table(pairs: Sequence[tuple[Drain, Drain]]) -> report.Table:
    ours, bare = zip(*pairs, strict=True)
    rates = [[each.orders_per_s for each in drains] for drains in (ours, bare)]
    cpu = [[each.cpu_s for each in drains] for drains in (ours, bare)]
    rows = [
        (
            f"{ORDERS:,} orders",
            "orders a second",
            "of bare Flink's, by pairs (middle half)",
            "CPU",
            "of bare Flink's",
        ),
        ("Penstock", f"{median(rates[0]):,.0f}", report.ratio(*rates), report.seconds(cpu[0]), report.ratio(*cpu)),
        ("bare Flink", f"{median(rates[1]):,.0f}", "1", report.seconds(cpu[1]), "1"),
    ]
    return report.Table("Throughput", EXPLANATION.format(pairs=len(pairs)), rows)


if __name__ == "__main__":
    print(measure(*map(int, sys.argv[1:])))
