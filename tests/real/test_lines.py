"""Flink's lines side by side on one queue of a real service."""

from collections.abc import Iterator
from typing import Any

import httpx
import psutil
import pytest

from penstock.flink import processes
from tests import jars
from tests.flink import programs
from tests.real.conftest import wait_for
from tests.real.test_clusters import RESTARTING, Site, site
from tests.real.test_logs import PRINTING, log_of
from tests.real.test_statuses import started, until

__all__ = ["site"]
pytestmark = pytest.mark.flink

QUEUE = "lines"


@pytest.fixture
def queue(site: Site) -> Iterator[str]:
    """The name of the folder of its engines."""
    site.client.create_queue(QUEUE, 16, penstock={"slots": 2})
    engine = f"queue-{site.client.show_queue(QUEUE)['queue_id']}"
    yield engine
    site.delete(*[job["job_id"] for job in site.client.list_jobs()["jobs"]], queue=QUEUE)
    mark = processes.data_dir_mark(site.served.data_dir)
    for name in (engine, f"{engine}/1.20"):
        wait_for(lambda name=name: not processes.find([mark, f"-Dpenstock.engine={name}"]), "the end of a cluster")


def version_and_jobs(site: Site, folder: str) -> tuple[str, set[str]]:
    """Ask a cluster what it is, and what runs there."""
    url = site.served.unit(folder)["rest_url"]
    version, jobs = (httpx.get(url + path, trust_env=False).json() for path in ("/config", "/jobs/overview"))
    return version["flink-version"], {job["jid"] for job in jobs["jobs"] if job["state"] == "RUNNING"}


@pytest.mark.covers("E32")
def test_jobs_of_two_lines_live_side_by_side_and_one_cluster_can_die_without_the_other(
    site: Site, queue: str
) -> None:
    asked = {"new": None, "old": "1.15"}
    ids = {
        name: site.copying(name, queue_name=QUEUE, flink_version=version, **RESTARTING)
        for name, version in asked.items()
    }
    assert {name: site.client.show_job(ids[name])["job_config"]["flink_version"] for name in ids} == asked
    assert version_and_jobs(site, queue) == ("2.3.0", {site.run_id(ids["new"])})
    assert version_and_jobs(site, f"{queue}/1.20") == ("1.20.5", {site.run_id(ids["old"])})
    told = {name: remarks(site, job_id) for name, job_id in ids.items()}
    assert told == {"new": [], "old": ["runs on Flink 1.20, which serves 1.15"]}

    site.client.stop_jobs([*ids.values()], trigger_savepoint=True)
    for job_id in ids.values():
        until(site.client, job_id, "job_cancel_success")
    site.client.run_jobs([*ids.values()], resume_savepoint=True)
    assert site.goes_on_without_gap_or_repeat(*ids)

    psutil.Process(site.served.unit(f"{queue}/1.20")["pids"][0]).kill()
    site.kill_and_start()
    wait_for(lambda: site.client.show_job(ids["old"])["restart_times"] == 1, "the restart")
    assert site.goes_on_without_gap_or_repeat(*ids)
    new = site.client.show_job(ids["new"])
    assert (new["status"], new["restart_times"]) == ("job_running", 0)


def test_a_program_that_exits_fails_alone_on_the_older_line_where_its_neighbour_goes_on_and_logs(
    site: Site, queue: str
) -> None:
    older: dict[str, Any] = {"queue_name": QUEUE, "flink_version": "1.20"}
    neighbour = started(site.client, "neighbour", PRINTING.format(millions=111), **older)
    jar = jars.put(site.served.data_dir / "buckets", "obs://lines/programs.jar", programs.RECIPE.jar.read_bytes())
    main = "io.penstock.programs.Misbehaving"
    exiting = site.client.create_jar_job(
        name="exiting", entrypoint=jar, main_class=main, entrypoint_args="exit", **older
    )
    before = site.served.unit(f"{queue}/1.20")
    site.client.run_jobs([exiting])
    told = until(site.client, exiting, "job_submit_fail")["status_desc"]
    assert told == f"{main}: main has called System.exit, which would end Flink"

    rows = log_of(site.client, neighbour, "taskmanager-1.log").count("+I[111")
    wait_for(lambda: log_of(site.client, neighbour, "taskmanager-1.log").count("+I[111") > rows, "more rows")
    assert "switched from state CREATED to RUNNING" in log_of(site.client, neighbour, "jobmanager.log")
    assert "System.exit" in log_of(site.client, exiting, "submit-client.log")
    assert (site.served.unit(f"{queue}/1.20"), site.client.show_job(neighbour)["restart_times"]) == (before, 0)


def remarks(site: Site, job_id: int) -> list[str]:
    return [event["reason"] for event in site.client.list_job_events(job_id) if event["kind"] == "remark"]
