"""Known orders from Kafka through a windowed SQL job into PostgreSQL; its TaskManager is killed twice on the way.

python -m tests.real.pipeline --events 1000000
"""

import argparse
import contextlib
import itertools
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

from penstock.client import Client
from penstock.flink import cluster, distribution
from tests import postgres
from tests.parts import artifacts
from tests.parts.kafka import Broker
from tests.postgres import Database
from tests.real.conftest import Served, penstock, wait_for

PARTITIONS = 4
SHOPS = 20
KILLS = 2
# A run that had lost its state would begin at the offsets of the group, and miss what stands before them in sums.
SQL = """
SET 'table.exec.sink.upsert-materialize' = 'NONE';
CREATE TABLE orders (
  shop STRING,
  cents BIGINT,
  ordered_at TIMESTAMP(3),
  WATERMARK FOR ordered_at AS ordered_at - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '{broker}',
  'properties.group.id' = '{topic}',
  'properties.auto.offset.reset' = 'earliest',
  'topic' = '{topic}',
  'scan.startup.mode' = 'group-offsets',
  'format' = 'json'
);
CREATE TABLE turnover (
  window_start TIMESTAMP(3),
  shop STRING,
  orders BIGINT,
  cents BIGINT,
  PRIMARY KEY (window_start, shop) NOT ENFORCED
) WITH (
  'connector' = 'jdbc',
  'url' = '{database.jdbc_url}',
  'username' = '{database.user}',
  'password' = '{database.password}',
  'table-name' = 'turnover'
);
INSERT INTO turnover
SELECT window_start, shop, COUNT(*), SUM(cents)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ordered_at), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, shop;
"""
_TABLE = """
CREATE TABLE turnover (
  window_start TIMESTAMP(3), shop TEXT, orders BIGINT, cents BIGINT, PRIMARY KEY (window_start, shop)
)
"""
_OPENING = datetime(2026, 1, 1)
_STEP = timedelta(milliseconds=60)

Turnover: TypeAlias = dict[tuple[datetime, str], tuple[int, int]]
"""How many orders a shop had in a minute, and their sum in cents."""


@dataclass(frozen=True)
class Orders:
    """So many orders, the same every time; each partition holds them up to 3 s out of order."""

    count: int

    def messages(self, numbers: range) -> Iterator[tuple[int, bytes]]:
        """Give orders as they go to Kafka, each with its partition."""
        for number in numbers:
            ordered_at, shop, cents = _order(number)
            yield number % PARTITIONS, _message(ordered_at, shop, cents)

    def closing(self) -> Iterator[tuple[int, bytes]]:
        """Give messages that close all minutes: their own ends after none of them."""
        end = _OPENING + self.count * _STEP + timedelta(hours=1)
        return ((partition, _message(end, "closing", 0)) for partition in range(PARTITIONS))

    def turnover(self) -> Turnover:
        """Compute what must come out."""
        sums: Turnover = {}
        for number in range(self.count):
            ordered_at, shop, cents = _order(number)
            key = ordered_at.replace(second=0, microsecond=0), shop
            orders, total = sums.get(key, (0, 0))
            sums[key] = orders + 1, total + cents
        return sums

    def shares(self, count: int) -> list[range]:
        """Divide the numbers of the orders."""
        ends = [self.count * each // count for each in range(count + 1)]
        return [range(*each) for each in itertools.pairwise(ends)]


@dataclass(frozen=True)
class Outcome:
    expected: Turnover
    written: Turnover
    job: dict[str, Any]
    """What the API has shown of it before it was stopped."""
    seconds: float


@dataclass(frozen=True)
class Pipeline:
    served: Served
    client: Client
    broker: Broker
    database: Database

    def run(self, orders: Orders, topic: str = "orders") -> Outcome:
        """Let the job turn all orders into rows, in shares; the TaskManager dies within all but the last."""
        began = time.monotonic()
        self.broker.create_topic(topic, PARTITIONS)
        with self.database.connect() as connection:
            connection.execute(_TABLE)
        job = self._start(topic)
        for number, share in enumerate(orders.shares(KILLS + 1)):
            before = self._count()
            self.broker.produce(topic, orders.messages(share))
            if number < KILLS:
                wait_for(lambda: self._count() > before, "more rows")  # noqa: B023 - called at once
                self._kill_the_taskmanager()
        self.broker.produce(topic, orders.closing())
        expected = orders.turnover()
        wait_for(lambda: self._count() >= len(expected), "the last rows")
        seconds, shown = time.monotonic() - began, self.client.show_job(job)
        self.client.stop_jobs([job], trigger_savepoint=True)
        wait_for(lambda: self.client.show_job(job)["status"] == "job_cancel_success", "the stop")
        return Outcome(expected, self._turnover(), shown, seconds)

    def _start(self, topic: str) -> int:
        job = self.client.create_sql_job(
            name="turnover",
            sql_body=SQL.format(broker=self.broker.address, topic=topic, database=self.database),
            parallel_number=2,
            checkpoint_enabled=True,
            checkpoint_interval=1,
            restart_when_exception=True,
            resume_checkpoint=True,
        )
        self.client.run_jobs([job])
        wait_for(lambda: self.client.show_job(job)["status"] != "job_submitting", "the job")
        shown = self.client.show_job(job)
        assert shown["status"] == "job_running", shown["status_desc"]
        return job

    def _kill_the_taskmanager(self) -> None:
        _, taskmanager = self.served.flink_unit["pids"]
        os.kill(taskmanager, signal.SIGKILL)
        wait_for(lambda: taskmanager not in self.served.flink_unit["pids"], "another TaskManager")

    def _count(self) -> int:
        ((count,),) = self._ask("SELECT COUNT(*) FROM turnover")
        return int(count)

    def _turnover(self) -> Turnover:
        rows = self._ask("SELECT window_start, shop, orders, cents FROM turnover")
        return {(window_start, shop): (orders, cents) for window_start, shop, orders, cents in rows}

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(sql).fetchall()


@contextlib.contextmanager
def connected_service(folder: Path) -> Iterator[Served]:
    """Serve, with a Flink that has the connectors; raises `artifacts.Unreachable`."""
    cache, service = _cache_with_connectors(), Served(folder / "data")
    service.data_dir.mkdir()
    try:
        service.start("--cache-dir", str(cache))
        service.wait_until_ready()
        yield service
    finally:
        service.stop("--engines")
        assert cluster.stop_all(service.data_dir) == 0


def _cache_with_connectors() -> Path:
    """Make an engine cache of the Flink that is installed and the connectors, apart from the user's."""
    distribution.install("2.3.0", artifacts.CACHE, lambda label, done, total: None)
    cache = artifacts.CACHE / "parts" / "cache"
    (cache / "engines").mkdir(parents=True, exist_ok=True)
    for package in ("flink-2.3.0", "java-17"):
        with contextlib.suppress(FileExistsError):
            (cache / "engines" / package).symlink_to(artifacts.CACHE / "engines" / package)
    done = penstock("connectors", "add", "kafka", "jdbc-postgres", "--cache-dir", str(cache))
    artifacts.check_reached(done.stderr)
    assert done.returncode == 0, done.stderr
    return cache


def _order(number: int) -> tuple[datetime, str, int]:
    late = number * 7919 % 50
    return (
        _OPENING + (number - late) * _STEP,
        f"shop {(number * 2654435761 >> 16) % SHOPS}",
        number * 104729 % 10_000,
    )


def _message(ordered_at: datetime, shop: str, cents: int) -> bytes:
    at = ordered_at.isoformat(" ", "milliseconds")
    return f'{{"shop": "{shop}", "cents": {cents}, "ordered_at": "{at}"}}'.encode()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    orders = Orders(parser.parse_args().events)
    with tempfile.TemporaryDirectory(prefix="pipeline-") as name, connected_service(Path(name)) as served:
        broker, database = Broker(Path(name)), postgres.server().new_reachable_database()
        with served.client() as client:
            outcome = Pipeline(served, client, broker, database).run(orders)
        broker.stop()
    wrong = outcome.expected.items() ^ outcome.written.items()
    print(f"{orders.count} orders, {outcome.job['restart_times']} restarts, {outcome.seconds:.0f} s: ", end="")
    print(f"{len(outcome.written)} rows, expected {len(outcome.expected)}; {len(wrong)} differ")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
