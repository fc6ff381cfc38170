"""Functions in Python on real Flink: what installs them, what they return, and how their processes end."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from penstock.client import Client
from penstock.flink import processes
from penstock.flink.distribution import FlinkHome
from tests import jars
from tests.parts import artifacts
from tests.real.conftest import Served, penstock, wait_for
from tests.real.test_statuses import made, until

pytestmark = [pytest.mark.flink, pytest.mark.connectors]
covers = pytest.mark.covers

RULES = """\
import time

from pyflink.table import DataTypes
from pyflink.table.udf import udf


@udf(result_type=DataTypes.STRING())
def shout(number):
    return f"{number}!"


@udf(result_type=DataTypes.BIGINT(), func_type="pandas")
def twice(numbers):
    return numbers * 2


@udf(result_type=DataTypes.STRING())
def unlucky(number):
    if number == 7:
        raise ValueError(f"not {number}")
    return str(number)


@udf(result_type=DataTypes.STRING())
def never(number):
    time.sleep(3600)
"""
FUNCTIONS = "".join(
    f"CREATE TEMPORARY FUNCTION {name} AS 'rules.{name}' LANGUAGE PYTHON;\n"
    for name in ("shout", "twice", "unlucky", "never")
)
TEN = """\
CREATE TABLE ten (n BIGINT) WITH (
  'connector' = 'datagen', 'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '10'
);
"""
ENDLESS = "CREATE TABLE ten (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '10');\n"
INTO_FILES = """\
CREATE TABLE files (said STRING, doubled BIGINT) WITH (
  'connector' = 'filesystem', 'path' = '{path}', 'format' = 'csv'
);
INSERT INTO files SELECT shout(n), twice(n) FROM ten;
"""
INTO_NOTHING = """\
CREATE TABLE nothing (said STRING) WITH ('connector' = 'blackhole');
INSERT INTO nothing SELECT {function}(n) FROM ten;
"""


@pytest.fixture(scope="module")
def installed(engine_home: FlinkHome) -> Path:
    """The connector, in a cache that all runs of the suite share and no service uses."""
    assert engine_home.cache is not None
    cache = artifacts.CACHE / "parts" / "python"
    done = penstock("connectors", "add", "python-udf", "--cache-dir", str(cache), patience_s=240)
    if "cannot be reached" in done.stderr:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stderr
    return cache / "engines" / "flink-2.3-connectors" / "python-udf"


@pytest.fixture(scope="module")
def service(engine_home: FlinkHome, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service with a cache of its own that holds the Flink of the suite, and no Python yet."""
    place = tmp_path_factory.mktemp("python")
    connectors = place / "cache" / "engines" / "flink-2.3-connectors"
    connectors.mkdir(parents=True)
    assert engine_home.cache is not None
    for package in ("flink-2.3.0", "java-17"):
        (connectors.parent / package).symlink_to(engine_home.cache / "engines" / package)
    (place / "data").mkdir()
    service = Served(place / "data")
    try:
        service.start("--cache-dir", str(place / "cache"))
        service.wait_until_ready()
        yield service
    finally:
        service.stop("--engines")


@pytest.fixture(scope="module")
def client(service: Served) -> Iterator[Client]:
    jars.put(service.data_dir / "buckets", "obs://code/rules.py", RULES.encode())
    jars.put(service.data_dir / "buckets", "obs://code/rules.zip", jars.jar_of({"rules.py": RULES}))
    with service.client() as client:
        yield client


@pytest.fixture(scope="module")
def refused(client: Client) -> str:
    """What becomes of a job while nothing is installed."""
    job_id = job(client, "too-early", TEN + INTO_NOTHING.format(function="shout"))
    client.run_jobs([job_id])
    return str(until(client, job_id, "job_submit_fail")["status_desc"])


@pytest.fixture(scope="module")
def python(service: Served, refused: str, installed: Path) -> None:
    """Have the connector installed while the service runs."""
    pids = service.flink_unit["pids"]
    cache = service.data_dir.parent / "cache" / "engines" / "flink-2.3-connectors"
    (cache / installed.name).symlink_to(installed)
    wait_for(lambda: not set(service.flink_unit["pids"]) & set(pids), "the new cluster")
    service.wait_until_ready()


def job(client: Client, name: str, sql: str, code: str = "obs://code/rules.py") -> int:
    return made(client, name, FUNCTIONS + sql, udf_jar_url=code)


def pythons(service: Served) -> list[psutil.Process]:
    """Find what the engine's processes have started."""
    found = processes.find([processes.data_dir_mark(service.data_dir)])
    return [process for process in found if process.pid not in service.flink_unit["pids"]]


def test_a_script_is_told_how_to_install_python(refused: str) -> None:
    assert refused == (
        "line 1, column 1: LANGUAGE PYTHON needs a part of Flink that is not installed; "
        "install it with: penstock connectors add python-udf"
    )


@covers("E14")
@pytest.mark.usefixtures("python")
def test_rows_go_through_functions_in_python(client: Client, tmp_path: Path) -> None:
    job_id = job(client, "shouting", TEN + INTO_FILES.format(path=(tmp_path / "out").as_uri()))
    assert ended(client, job_id)["status"] == "job_finish"
    lines = [line for part in (tmp_path / "out").glob("part-*") for line in part.read_text().splitlines()]
    assert sorted(lines) == sorted(f'"{n}!",{2 * n}' for n in range(1, 11))


@pytest.mark.usefixtures("python")
def test_what_python_throws_is_told_without_its_trace(client: Client) -> None:
    unlucky = job(client, "unlucky", TEN + INTO_NOTHING.format(function="unlucky"), "obs://code/rules.zip")
    assert ended(client, unlucky)["status_desc"] == "ValueError: not 7 (rules.py:20)"
    nowhere = made(client, "nowhere", FUNCTIONS + TEN + INTO_NOTHING.format(function="shout"))
    assert ended(client, nowhere)["status_desc"] == (
        "line 9, column 1: Cannot instantiate user-defined function 'shout'. "
        "ModuleNotFoundError: No module named 'rules'"
    )


@pytest.mark.usefixtures("python")
def test_a_job_stops_although_its_function_never_returns(service: Served, client: Client) -> None:
    job_id = running(client, "never")
    client.stop_jobs([job_id])
    until(client, job_id, "job_cancel_success")
    wait_for(lambda: not workers(service), "the end of its worker")


@pytest.mark.usefixtures("python")
def test_nothing_is_left_of_python_when_its_taskmanager_is_killed(service: Served, client: Client) -> None:
    running(client, "shout")
    assert len(workers(service)) == 1
    before = pythons(service)
    psutil.Process(service.flink_unit["pids"][1]).kill()
    wait_for(lambda: not any(process.is_running() for process in before), "the end of all of them")


def running(client: Client, function: str) -> int:
    job_id = job(client, function, ENDLESS + INTO_NOTHING.format(function=function))
    client.run_jobs([job_id])
    until(client, job_id, "job_running")
    return job_id


def workers(service: Served) -> list[psutil.Process]:
    found = []
    for process in pythons(service):
        with contextlib.suppress(psutil.NoSuchProcess):
            found += [process] if "pyflink.fn_execution.beam.beam_boot" in process.cmdline() else []
    return found


def ended(client: Client, job_id: int) -> dict[str, Any]:
    """Run a job, and show it once it has ended, in whatever way."""
    client.run_jobs([job_id])
    left = ("job_submitting", "job_running")
    return wait_for(lambda: shown if (shown := client.show_job(job_id))["status"] not in left else None, "its end")
