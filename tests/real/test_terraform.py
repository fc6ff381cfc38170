"""Terraform's flinksql_job on a real Flink: applied, changed while it runs, restarted by a change, destroyed."""

import httpx
import pytest

from tests.golangsdk import GoClient
from tests.real.conftest import Served
from tests.terraform import Config, SqlJob

pytestmark = pytest.mark.flink

CONFIG: Config = {
    "name": "by_terraform",
    "type": "flink_opensource_sql_job",
    "sql": "CREATE TABLE s (id INT) WITH ('connector'='datagen', 'rows-per-second'='1');\n"
    "CREATE TABLE t (id INT) WITH ('connector'='blackhole');\nINSERT INTO t SELECT id FROM s;",
    "idle_state_retention": 3600,
    "obs_bucket": "penstock",
    "tags": {"made-by": "terraform"},
}


def test_a_job_of_terraform_runs_is_changed_and_is_destroyed_while_it_runs(served: Served) -> None:
    env = served.environment("keys", "create", "--project", "terraform", "--user", "maria")
    key, secret, project = (env[f"HUAWEICLOUD_SDK_{name}"] for name in ("AK", "SK", "PROJECT_ID"))
    with httpx.Client(trust_env=False, timeout=30) as http:
        job = SqlJob(GoClient(http, served.url, key, secret, project), patience_s=180)
        job.create(CONFIG)
        assert (job.state["status"], job.plan(CONFIG)) == ("job_running", set())

        while_running = {**CONFIG, "smn_topic": "oncall", "restart_when_exception": True}
        job.update(while_running)
        assert (job.state["status"], job.plan(while_running)) == ("job_running", set())

        restarted = {**while_running, "parallel_number": 2}
        job.update(restarted)
        assert (job.state["status"], job.plan(restarted)) == ("job_running", set())

        job.destroy()
        assert job.is_gone
