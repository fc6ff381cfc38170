"""Graph, execution and metrics of a job on a real service, called by the official SDK."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkdli.v1 import DliClient, model

from penstock.client import Client
from tests.real.conftest import Served, wait_for
from tests.real.test_statuses import made, until

pytestmark = [pytest.mark.flink, pytest.mark.filterwarnings("ignore:Method 'show_flink_metric'")]

SQL = """\
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
CREATE TABLE sink (n BIGINT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT n + 1 FROM numbers;
"""


@pytest.fixture(scope="module")
def environment(served: Served) -> dict[str, str]:
    return served.environment("keys", "create", "--project", "graphs", "--user", "jo")


@pytest.fixture
def client(served: Served, environment: dict[str, str]) -> Iterator[Client]:
    names = ("HUAWEICLOUD_SDK_AK", "HUAWEICLOUD_SDK_SK", "HUAWEICLOUD_SDK_PROJECT_ID")
    with Client(served.url, *(environment[name] for name in names)) as client:
        yield client
        client.delete_jobs([job["job_id"] for job in client.list_jobs(limit=100)["jobs"]])


@pytest.fixture
def sdk(served: Served, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> DliClient:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    key = (environment[f"HUAWEICLOUD_SDK_{name}"] for name in ("AK", "SK", "PROJECT_ID"))
    builder = DliClient.new_builder().with_http_config(HttpConfig(proxy_protocol=None))
    return builder.with_credentials(BasicCredentials(*key)).with_endpoint(served.url).build()


def drawn(sdk: DliClient, job_id: int, sql: str = SQL) -> model.CreateFlinkSqlJobGraphResponse:
    body = model.CreateFlinkSqlJobGraphRequestBody(sql_body=sql, graph_type="job_graph")
    return sdk.create_flink_sql_job_graph(model.CreateFlinkSqlJobGraphRequest(job_id=str(job_id), body=body))


@pytest.mark.covers("E33")
@pytest.mark.covers("C21")
def test_an_operator_runs_with_the_parallelism_that_was_given_by_its_id(
    served: Served, client: Client, sdk: DliClient
) -> None:
    job_id = made(client, "graph", SQL)
    operators = json.loads(drawn(sdk, job_id).stream_graph)["operator_list"]
    assert [each["type"] for each in operators] == ["Source", "Operator", "Sink"]
    listed = {"operator_list": [{"id": operators[-1]["id"], "parallelism": 2}]}
    client.update_sql_job(job_id, operator_config=json.dumps(listed))
    client.run_jobs([job_id])
    until(client, job_id, "job_running")

    shown = wait_for(lambda: client.show_job(job_id)["execution_graph"], "the plan")
    request = model.ShowFlinkJobExecutionGraphRequest(job_id=job_id)
    running = sdk.show_flink_job_execution_graph(request).execute_graph
    in_flink = detail(served, running.jid)
    assert (running.jid, running.name) == (json.loads(shown)["jid"], "graph")
    assert (running.state, running.end_time) == ("RUNNING", -1)
    assert running.start_time == in_flink["start-time"]
    widths = {vertex["name"].split("[")[0]: vertex["parallelism"] for vertex in in_flink["vertices"]}
    assert widths == {"Source: numbers": 1, "sink": 2}

    metrics = wait_for(lambda: flowing(sdk, job_id), "the metrics")
    assert ([each.name for each in metrics.sources], [each.name for each in metrics.sinks]) == (
        ["numbers"],
        ["sink"],
    )
    assert isinstance(metrics.sources[0].records, int)
    assert metrics.total_read_rate > 0

    client.stop_jobs([job_id])
    until(client, job_id, "job_cancel_success")
    ended = sdk.show_flink_job_execution_graph(request).execute_graph
    assert (ended.jid, ended.state) == (running.jid, "CANCELED")
    assert ended.end_time - ended.start_time == ended.duration > 0


def detail(served: Served, run_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = httpx.get(f"{served.flink_url}/jobs/{run_id}", trust_env=False).json()
    return answer


def flowing(sdk: DliClient, job_id: int) -> model.Metric | None:
    body = model.ShowFlinkMetricRequestBody(job_ids=[job_id])
    (job,) = sdk.show_flink_metric(model.ShowFlinkMetricRequest(body=body)).metrics.jobs
    return job.metrics if job.metrics.total_read_rate and job.metrics.total_write_rate else None


def test_an_operator_that_is_not_there_fails_the_submission_by_its_name(client: Client) -> None:
    unknown = '{"operator_list":[{"id":"abcd","parallelism":2}]}'
    job_id = made(client, "unknown", SQL, operator_config=unknown)
    client.run_jobs([job_id])
    until(client, job_id, "job_submit_fail")
    assert client.show_job(job_id)["status_desc"] == "operator_config: the job has no operator abcd"


def test_a_script_that_is_wrong_is_told_where(client: Client, sdk: DliClient) -> None:
    answer = drawn(sdk, made(client, "wrong", SQL), "SELECT\n 1 FORM x")
    assert (answer.is_success, answer.error_code, answer.stream_graph) == (False, "DLI.0005", "")
    assert answer.message.startswith("line 2, column ")
