"""Known orders from Kafka through a windowed SQL job with a function of a jar into PostgreSQL.

State and logs lie on an S3-compatible server, Huawei's own SDK drives it, and the TaskManager is killed twice.

python -m tests.real.pipeline --events 1000000 --flink 1.20
"""

import argparse
import contextlib
import json
import os
import re
import signal
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
from huaweicloudsdkdli.v1 import DliClient, model

from penstock.domain import lines
from penstock.flink import cluster, distribution
from tests import postgres
from tests.flink import programs
from tests.parts import artifacts
from tests.parts.kafka import Broker
from tests.parts.s3 import S3Server
from tests.postgres import Database
from tests.real import sdk
from tests.real.conftest import Served, penstock, wait_for
from tests.real.orders import PARTITIONS, Orders, Turnover

KILLS = 2
PATIENCE_S = 300
BUCKET = "turnover"
# A run that had lost its state would begin at the offsets of the group, and miss what stands before them in sums.
SQL = """
SET 'table.exec.sink.upsert-materialize' = 'NONE';
CREATE FUNCTION shout AS 'io.penstock.programs.Shout';
CREATE TABLE orders (
  shop STRING,
  cents BIGINT,
  ordered_at TIMESTAMP(3),
  WATERMARK FOR ordered_at AS ordered_at - INTERVAL '5' SECOND
) WITH (
  'connector' = 'kafka',
  'properties.bootstrap.servers' = '{broker}',
  'properties.group.id' = '{group}',
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
SELECT window_start, shout(shop), COUNT(*), SUM(cents)
FROM TABLE(TUMBLE(TABLE orders, DESCRIPTOR(ordered_at), INTERVAL '1' MINUTE))
GROUP BY window_start, window_end, shout(shop);
"""
TABLE = """
CREATE TABLE turnover (
  window_start TIMESTAMP(3), shop TEXT, orders BIGINT, cents BIGINT, PRIMARY KEY (window_start, shop)
)
"""


@dataclass(frozen=True)
class Outcome:
    expected: Turnover
    written: Turnover
    job: Any
    """What the SDK has shown of it before it was stopped."""
    stopped: Any
    """What it has shown after that."""
    seconds: float


@dataclass(frozen=True)
class Pipeline:
    served: Served
    client: DliClient
    broker: Broker
    s3: S3Server
    database: Database

    def run(self, orders: Orders, flink_version: str) -> Outcome:
        """Let the job turn all orders into rows, in shares; the TaskManager dies within all but the last."""
        began, topic = time.monotonic(), f"orders-{flink_version}"
        self.broker.create_topic(topic, PARTITIONS)
        with self.database.connect() as connection:
            connection.execute(TABLE)
        job_id = self._start(topic, flink_version)
        for number, share in enumerate(orders.shares(KILLS + 1)):
            before = self._count()
            self.broker.produce(topic, orders.messages(share))
            if number < KILLS:
                wait_for(lambda: self._count() > before, "more rows", PATIENCE_S)  # noqa: B023 - called at once
                self._kill_the_taskmanager(lines.line_of(flink_version, lines.DEFAULT))
        self.broker.produce(topic, orders.closing())
        expected = orders.turnover()
        wait_for(lambda: self._count() >= len(expected), "the last rows", PATIENCE_S)
        seconds, shown = time.monotonic() - began, sdk.shown(self.client, job_id)
        wait_for(lambda: self._holds(f"jobs/checkpoint/{job_id}/{run_id(shown)}/chk-[0-9]+/_metadata"), "state")
        for process in ("jobmanager", "taskmanager-1"):
            log = f"jobs/logs/{job_id}/application_{run_id(shown)}/{process}.log"
            wait_for(lambda: self._holds(log), log)  # noqa: B023 - called at once
        sdk.stop(self.client, job_id, savepoint=True)
        stopped = sdk.until(self.client, job_id, "job_cancel_success", PATIENCE_S)
        return Outcome(expected, self._turnover(), shown, stopped, seconds)

    def _start(self, topic: str, flink_version: str) -> int:
        obstore.put(self.s3.bucket(BUCKET), "jars/shout.jar", programs.some("Shout"))
        sdk.upload(self.client, "jar", "functions", f"obs://{BUCKET}/jars/shout.jar")
        body = model.CreateFlinkSqlJobRequestBody(
            name=topic,
            sql_body=SQL.format(broker=self.broker.address, topic=topic, group=topic, database=self.database),
            udf_jar_url="functions/shout.jar",
            flink_version=flink_version,
            obs_bucket=BUCKET,
            log_enabled=True,
            parallel_number=2,
            checkpoint_enabled=True,
            checkpoint_interval=1,
            restart_when_exception=True,
            resume_checkpoint=True,
        )
        made = self.client.create_flink_sql_job(model.CreateFlinkSqlJobRequest(body=body))
        sdk.run(self.client, made.job.job_id, resume=False)
        sdk.until(self.client, made.job.job_id, "job_running", PATIENCE_S)
        return int(made.job.job_id)

    def _kill_the_taskmanager(self, line: str) -> None:
        engine = "default" if line == lines.DEFAULT else f"default/{line}"
        taskmanager = self.served.unit(engine)["pids"][1]
        os.kill(taskmanager, signal.SIGKILL)
        wait_for(lambda: taskmanager not in self.served.unit(engine)["pids"], "another TaskManager", PATIENCE_S)

    def _holds(self, key: str) -> bool:
        """Say whether the bucket has an object, not empty, of such a key."""
        return any(size and re.fullmatch(key, each) for each, size in self.s3.sizes(BUCKET).items())

    def _count(self) -> int:
        ((count,),) = self._ask("SELECT COUNT(*) FROM turnover")
        return int(count)

    def _turnover(self) -> Turnover:
        rows = self._ask("SELECT window_start, shop, orders, cents FROM turnover")
        return {(window_start, shop): (orders, cents) for window_start, shop, orders, cents in rows}

    def _ask(self, sql: str) -> list[tuple[Any, ...]]:
        with self.database.connect() as connection:
            return connection.execute(sql).fetchall()


def run_id(shown: Any) -> str:
    return str(json.loads(shown.execution_graph)["jid"])


@contextlib.contextmanager
def connected_service(folder: Path, s3: S3Server) -> Iterator[Served]:
    """Serve, with Flinks that have the connectors and a bucket on the server; raises `artifacts.Unreachable`."""
    cache, service, storage = cache_with_connectors(), Served(folder / "data"), folder / "storage.toml"
    s3.make_bucket(BUCKET)
    storage.touch(mode=0o600)
    keys = f'access_key = "{s3.access_key}"\nsecret_key = "{s3.secret_key}"'
    storage.write_text(f'[{BUCKET}]\nendpoint = "{s3.endpoint}"\n{keys}\n')
    service.data_dir.mkdir()
    try:
        service.start("--cache-dir", str(cache), "--storage", str(storage))
        service.wait_until_ready()
        yield service
    finally:
        service.stop("--engines")
        assert cluster.stop_all(service.data_dir) == 0


def cache_with_connectors() -> Path:
    """Make an engine cache of the Flinks that are installed and the connectors, apart from the user's."""
    cache = artifacts.CACHE / "parts" / "cache"
    (cache / "engines").mkdir(parents=True, exist_ok=True)
    for line, release in lines.RELEASES.items():
        distribution.install(release, artifacts.CACHE, lambda label, done, total: None)
        for package in (f"flink-{release}", "java-17"):
            with contextlib.suppress(FileExistsError):
                (cache / "engines" / package).symlink_to(artifacts.CACHE / "engines" / package)
        wanted = ("kafka", "jdbc-postgres", "s3", "--flink", line)
        done = penstock("connectors", "add", *wanted, "--cache-dir", str(cache))
        artifacts.check_reached(done.stderr)
        assert done.returncode == 0, done.stderr
    return cache


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--flink", choices=lines.VERSIONS, default=lines.DEFAULT)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="pipeline-") as name, contextlib.ExitStack() as parts:
        folder = Path(name)
        broker, s3 = Broker(folder), S3Server(folder)
        parts.callback(broker.stop)
        parts.callback(s3.stop)
        served = parts.enter_context(connected_service(folder, s3))
        database = postgres.server().new_reachable_database()
        pipeline = Pipeline(served, sdk.connect(served, "pipelines"), broker, s3, database)
        outcome = pipeline.run(Orders(options.events), options.flink)
    wrong = outcome.expected.items() ^ outcome.written.items()
    print(f"{options.events} orders on Flink {options.flink}, {outcome.job.restart_times} restarts, ", end="")
    print(f"{outcome.seconds:.0f} s: {len(outcome.written)} rows, expected {len(outcome.expected)}, ", end="")
    print(f"{len(wrong)} differ")
    raise SystemExit(bool(wrong))


if __name__ == "__main__":
    main()
