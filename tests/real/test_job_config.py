"""Settings of a job that are true of the Flink job: asked of Flink itself, or seen in what the job does."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from docs import coverage
from penstock.client import ApiError, Client
from tests.real.conftest import Served, wait_for
from tests.real.test_statuses import ENDLESS, in_flink, made, started, until

pytestmark = pytest.mark.flink
covers = pytest.mark.covers

SQL = """\
-- kept as it is: ½ \t\r
SET 'execution.checkpointing.interval' = '1 s';
SET 'pipeline.name' = 'not this one';
SET 'restart-strategy.type' = 'exponential-delay';
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
CREATE TABLE sink (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT n + {literal} FROM numbers;
"""
RESTARTED: dict[str, Any] = {"restart_when_exception": True}
VARIANTS: dict[str, dict[str, Any]] = {
    "plain": {},
    "full": RESTARTED
    | {
        "checkpoint_enabled": True,
        "checkpoint_interval": 2,
        "checkpoint_mode": 2,
        "obs_bucket": "proof",
        "parallel_number": 2,
        "resume_checkpoint": True,
        "resume_max_num": 7,
    },
    "unlimited": RESTARTED | {"checkpoint_enabled": True, "resume_checkpoint": True, "flink_version": "2.3"},
    "afresh": RESTARTED | {"checkpoint_enabled": True, "checkpoint_mode": 1, "resume_max_num": 5},
    "stateless": RESTARTED | {"resume_max_num": 3},
    "tuned": {
        "runtime_config": '[{"key":"pipeline.max-parallelism","value":"77"},{"key":"pipeline.name","value":"x"}]'
    },
}
NEVER_MS = 2**63 - 1


@dataclass(frozen=True)
class Ran:
    """A job as it was shown while it ran, and what Flink says of its run."""

    summary: dict[str, Any]
    detail: dict[str, Any]
    looked_at: tuple[int, int]
    """Between these two times the list answered."""
    overview: dict[str, Any]
    flink_url: str

    @property
    def run_id(self) -> str:
        return str(self.overview["jid"])

    def in_flink(self, of: str) -> dict[str, Any]:
        answer: dict[str, Any] = httpx.get(f"{self.flink_url}/jobs/{self.run_id}{of}", trust_env=False).json()
        return answer


@pytest.fixture(scope="module")
def project(served: Served) -> Iterator[Client]:
    with served.client("keys", "create", "--project", "config", "--user", "jo") as client:
        yield client


@pytest.fixture
def client(project: Client) -> Iterator[Client]:
    yield project
    delete_all(project)


@pytest.fixture(scope="module")
def ran(served: Served, project: Client) -> dict[str, Ran]:
    """Run a job with each set of settings until one has a checkpoint; Flink remembers them all afterwards."""
    ids = [
        made(project, name, SQL.replace("{literal}", str(literal)), **settings)
        for literal, (name, settings) in enumerate(VARIANTS.items(), 271828)
    ]
    project.run_jobs(ids)
    for job_id in ids:
        until(project, job_id, "job_running")
    seen = {name: look(served, project, job_id) for name, job_id in zip(VARIANTS, ids, strict=True)}
    wait_for(lambda: checkpoints(served, seen["full"]), "a checkpoint")
    delete_all(project)
    return seen


def delete_all(client: Client) -> None:
    left = [job["job_id"] for job in client.list_jobs(limit=100)["jobs"]]
    if left:
        client.delete_jobs(left)


def look(served: Served, client: Client, job_id: int) -> Ran:
    detail = wait_for(lambda: job if (job := client.show_job(job_id))["execution_graph"] else None, "the plan")
    run_id = json.loads(detail["execution_graph"])["jid"]
    before = now_ms()
    (summary,) = client.list_jobs(name=detail["name"])["jobs"]
    (overview,) = [job for job in in_flink(served) if job["jid"] == run_id]
    return Ran(summary, detail, (before, now_ms()), overview, served.flink_url)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def checkpoints(served: Served, job: Ran) -> list[Path]:
    place = job.detail["job_config"]["checkpoint_path"].removeprefix("obs://")
    return list((served.data_dir / "buckets" / place / job.run_id).glob("chk-*/_metadata"))


# --- one job with each set of settings ---


@covers("C2")
@pytest.mark.parametrize("name", VARIANTS)
def test_the_name_is_the_one_in_flink(ran: dict[str, Ran], name: str) -> None:
    assert (ran[name].summary["name"], ran[name].overview["name"]) == (name, name)


@covers("C9")
@covers("C10")
def test_a_job_started_when_flink_says_and_runs_since_then(ran: dict[str, Ran]) -> None:
    job = ran["full"]
    assert job.summary["start_time"] == job.detail["start_time"] == job.overview["start-time"]
    assert job.looked_at[0] <= job.summary["start_time"] + job.summary["duration"] <= job.looked_at[1]


@covers("C16")
@pytest.mark.parametrize(("literal", "name"), list(enumerate(VARIANTS, 271828)))
def test_the_text_that_is_shown_is_the_one_that_runs(ran: dict[str, Ran], name: str, literal: int) -> None:
    assert ran[name].detail["sql_body"] == SQL.replace("{literal}", str(literal))
    assert f"(n + {literal})" in json.dumps(ran[name].in_flink("/plan"))


@covers("C21")
def test_the_execution_graph_is_the_plan_of_flink(ran: dict[str, Ran]) -> None:
    assert json.loads(ran["full"].detail["execution_graph"]) == ran["full"].in_flink("/plan")["plan"]


@covers("C18")
def test_the_detail_of_a_job_has_every_key_of_the_page(ran: dict[str, Ran]) -> None:
    (keys,) = [rows for title, rows in coverage.sections().items() if "`job_config`" in title]
    assert {row.item.strip("`") for row in keys} - set(ran["full"].detail["job_config"]) == set()
    assert "job_config" not in ran["full"].summary


@covers("E1")
@covers("E2")
@covers("E3")
@pytest.mark.parametrize(
    ("name", "interval_ms", "mode"),
    [("full", 2000, "at_least_once"), ("unlimited", 10_000, "exactly_once"), ("afresh", 10_000, "exactly_once")],
)
def test_checkpoints_come_at_the_interval_and_in_the_mode_that_were_set(
    ran: dict[str, Ran], name: str, interval_ms: int, mode: str
) -> None:
    flink, config = ran[name].in_flink("/checkpoints/config"), ran[name].detail["job_config"]
    assert (flink["interval"], flink["mode"]) == (interval_ms, mode)
    assert (config["checkpoint_enabled"], config["checkpoint_mode"]) == (True, mode)
    assert config["checkpoint_interval"] * 1000 == interval_ms


@covers("E1")
@pytest.mark.parametrize("name", ["plain", "stateless"])
def test_without_checkpoints_there_are_none_whatever_the_script_sets(ran: dict[str, Ran], name: str) -> None:
    assert ran[name].in_flink("/checkpoints/config")["interval"] == NEVER_MS
    assert ran[name].in_flink("/checkpoints")["counts"]["total"] == 0
    assert ran[name].detail["job_config"]["checkpoint_path"] is None


@covers("E5")
@covers("E26")
def test_checkpoints_lie_in_the_bucket_of_the_job_at_the_address_that_is_shown(
    served: Served, ran: dict[str, Ran]
) -> None:
    job = ran["full"]
    address = f"obs://proof/jobs/checkpoint/{job.detail['job_id']}/"
    assert job.detail["job_config"]["checkpoint_path"] == address
    assert checkpoints(served, job)


@covers("E11")
@pytest.mark.parametrize(("name", "parallelism"), [("plain", 1), ("full", 2)])
def test_every_task_has_the_parallelism_of_the_job(ran: dict[str, Ran], name: str, parallelism: int) -> None:
    assert ran[name].detail["job_config"]["parallel_number"] == parallelism
    assert {task["parallelism"] for task in ran[name].in_flink("")["vertices"]} == {parallelism}


@covers("E12")
@covers("E21")
@covers("E25")
@pytest.mark.parametrize(
    ("name", "strategy"),
    [
        ("plain", "Restart deactivated."),
        (
            "full",
            "Failure rate restart with maximum of 7 failures within interval PT1H and fixed delay PT10S.",
        ),
        ("unlimited", "Restart with fixed delay (PT10S). #2147483647 restart attempts."),
        ("afresh", "Restart deactivated."),  # Flink would restore its checkpoint: the service submits it anew
        ("tuned", "Restart deactivated."),
        (
            "stateless",
            "Failure rate restart with maximum of 3 failures within interval PT1H and fixed delay PT10S.",
        ),
    ],
)
def test_flink_restarts_a_job_as_its_flags_say(ran: dict[str, Ran], name: str, strategy: str) -> None:
    assert ran[name].in_flink("/config")["execution-config"]["restart-strategy"] == strategy


@covers("E22")
def test_flink_runs_a_job_with_its_runtime_configuration(ran: dict[str, Ran], project: Client) -> None:
    assert {task["maxParallelism"] for task in ran["tuned"].in_flink("")["vertices"]} == {77}
    [remark] = project.list_job_events(ran["tuned"].detail["job_id"], kind="remark")
    assert remark["reason"] == "of runtime_config other settings of the job decide pipeline.name"


@covers("E32")
def test_a_job_runs_on_the_flink_line_it_names_or_is_refused(ran: dict[str, Ran], client: Client) -> None:
    assert ran["unlimited"].detail["job_config"]["flink_version"] == "2.3"
    flink = httpx.get(f"{ran['unlimited'].flink_url}/config", trust_env=False).json()
    assert flink["flink-version"].startswith("2.3.")
    with pytest.raises(ApiError, match=r"flink_version must be one of 1\.10, .*, 1\.17, 1\.20, 2\.3") as refused:
        made(client, "older", ENDLESS, flink_version="1.18")
    assert (refused.value.status, refused.value.error_code) == (400, "DLI.0001")


# --- room on the queue ---


@covers("E10")
def test_a_job_larger_than_its_queue_is_told_so_and_never_submitted(served: Served, client: Client) -> None:
    job_id = made(client, "too_large", ENDLESS, cu_number=18)
    client.run_jobs([job_id])
    job = until(client, job_id, "job_submit_fail")
    assert job["status_desc"] == "needs 18 CUs and 1 slots; queue 'default' has 16 and 8 in all"
    assert not [run for run in in_flink(served) if run["name"] == "too_large"]


@covers("C23")
@covers("E9")
@covers("E10")
@covers("E35")
def test_a_running_job_holds_its_cus_of_the_queue_and_the_next_one_waits(served: Served, client: Client) -> None:
    large = started(client, "holds", cu_number=14, manager_cu_number=13)
    job = client.show_job(large)
    assert (job["queue_name"], job["job_config"]["real_cu_number"]) == ("default", 0)
    next_one = made(client, "waits", ENDLESS, cu_number=3, queue_name="default")
    client.run_jobs([next_one])
    reason = "waiting for room on queue 'default': needs 3 CUs and 1 slots, free are 2 and 7"
    wait_for(lambda: client.show_job(next_one)["status_desc"] == reason, reason)
    assert not [run for run in in_flink(served) if run["name"] == "waits"]
    client.stop_jobs([large])
    until(client, next_one, "job_running")
