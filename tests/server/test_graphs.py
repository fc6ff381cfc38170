"""Execution plan, stream graph and metrics, called by the official SDK; Flink's part is what a test says."""

import json

import pytest
from huaweicloudsdkdli.v1 import DliClient, model

from penstock.domain.engine import Refused
from penstock.domain.errors import NotReady, TooMany
from penstock.domain.graph import Figures, Flow, Graph, Input, Operator, Task
from penstock.domain.job import Execution
from tests.server.sdk import error_of
from tests.server.test_official_sdk import create
from tests.serving import Service

pytestmark = pytest.mark.filterwarnings("ignore:Method 'show_flink_metric'")

SOURCE, SINK = "cbc357ccb763df2852fee8c4fc7d55f2", "9dd63673dd41ea021b896d5203f3ba7c"
CALC = "7df19f87deec5680128845fd9a6ca18d"
GRAPH = Graph(
    "0" * 32,
    operators=(
        Operator(SOURCE, "Source: t[1]", "[1]:TableSourceScan", 1),
        Operator(CALC, "Calc[2]", "[2]:Calc", 1, (Input(SOURCE, "FORWARD"),)),
        Operator(SINK, "s[3]: Writer", "s[3]: Writer", 2, (Input(CALC, "REBALANCE"),)),
    ),
    tasks=(
        Task(SINK, "s[3]: Writer", 2, (SINK,), (Input(SOURCE, "REBALANCE"),)),
        Task(SOURCE, "[1]:TableSourceScan<br/>+- [2]:Calc", 1, (SOURCE, CALC)),
    ),
)


def drawn(sdk: DliClient, job_id: int, **fields: object) -> model.CreateFlinkSqlJobGraphResponse:
    return sdk.create_flink_sql_job_graph(graph_request(job_id, **fields))


def graph_request(job_id: int, **fields: object) -> model.CreateFlinkSqlJobGraphRequest:
    body = model.CreateFlinkSqlJobGraphRequestBody(**{"sql_body": "INSERT …", **fields})
    return model.CreateFlinkSqlJobGraphRequest(job_id=str(job_id), body=body)


def execution(sdk: DliClient, job_id: int) -> model.ShowFlinkJobExecutionGraphResponse:
    return sdk.show_flink_job_execution_graph(model.ShowFlinkJobExecutionGraphRequest(job_id=job_id))


def test_a_job_that_never_ran_has_no_execution(service: Service, sdk: DliClient) -> None:
    answer = execution(sdk, create(sdk))
    assert (answer.is_success, answer.message, answer.execute_graph) == ("true", "", None)


def test_the_execution_is_that_of_flink_until_now_or_its_end(service: Service, sdk: DliClient) -> None:
    job_id = create(sdk)
    began = service.clock() - 60_000
    service.becomes(job_id, execution=Execution("a" * 32, "clicks", "RUNNING", began))
    running = execution(sdk, job_id).execute_graph
    assert (running.jid, running.name, running.state, running.is_stoppable) == (
        "a" * 32,
        "clicks",
        "RUNNING",
        False,
    )
    assert (running.start_time, running.end_time) == (began, -1)
    assert 60_000 <= running.duration < 120_000
    service.becomes(job_id, execution=Execution("a" * 32, "clicks", "FAILED", began, began + 5))
    ended = execution(sdk, job_id).execute_graph
    assert (ended.state, ended.end_time, ended.duration) == ("FAILED", began + 5, 5)


@pytest.mark.parametrize("call", ["execute", "draw", "metrics"])
def test_an_unknown_job_is_told(service: Service, sdk: DliClient, call: str) -> None:
    calls = {
        "execute": (sdk.show_flink_job_execution_graph, model.ShowFlinkJobExecutionGraphRequest(job_id=7)),
        "draw": (sdk.create_flink_sql_job_graph, graph_request(7)),
        "metrics": (sdk.show_flink_metric, metrics_request(7)),
    }
    assert error_of(*calls[call]) == (400, "DLI.16001")


def test_a_simple_graph_has_the_tasks_and_the_chains_in_them(service: Service, sdk: DliClient) -> None:
    service.flink.graph = GRAPH
    answer = drawn(sdk, create(sdk), graph_type="simple_graph", job_type="flink_opensource_sql_job")
    assert (answer.is_success, answer.message, answer.error_code) == (True, "", "")
    graph = json.loads(answer.stream_graph)
    assert graph["nodes"] == [
        {
            "id": SINK,
            "parallelism": 2,
            "operator": "",
            "operator_strategy": "",
            "description": "s[3]: Writer",
            "chain_operators_id": [SINK],
            "optimizer_properties": {},
            "inputs": [{"num": 0, "id": SOURCE, "ship_strategy": "REBALANCE", "exchange": "pipelined_bounded"}],
        },
        {
            "id": SOURCE,
            "parallelism": 1,
            "operator": "",
            "operator_strategy": "",
            "description": "[1]:TableSourceScan<br/>+- [2]:Calc",
            "chain_operators_id": [SOURCE, CALC],
            "optimizer_properties": {},
        },
    ]
    assert [(each["id"], each["type"], each["input_operators_id"]) for each in graph["operator_list"]] == [
        (SOURCE, "Source", []),
        (CALC, "Operator", [SOURCE]),
        (SINK, "Sink", [CALC]),
    ]


def test_a_job_graph_has_every_operator_on_its_own(service: Service, sdk: DliClient) -> None:
    service.flink.graph = GRAPH
    nodes = json.loads(drawn(sdk, create(sdk), graph_type="job_graph").stream_graph)["nodes"]
    assert [(each["id"], each["chain_operators_id"]) for each in nodes] == [
        (SOURCE, [SOURCE]),
        (CALC, [CALC]),
        (SINK, [SINK]),
    ]


def test_the_script_of_the_body_is_planned_with_what_the_body_leaves_to_the_job(
    service: Service, sdk: DliClient
) -> None:
    listed = '{"operator_list":[{"id":"a1","parallelism":2}]}'
    job_id = service.create(sql_body="old", parallel_number=3, udf_jar_url="u/f.jar", operator_config=listed)
    drawn(sdk, job_id, sql_body="new", flink_version="1.20")
    drawn(sdk, job_id, parallel_number=4, operator_config=listed)
    first, second = service.flink.planned
    assert (first.sql, first.config.parallelism, first.config.flink_version) == ("new", 3, "1.20")
    assert (first.config.udf_jar_url, first.config.operator_config) == ("u/f.jar", None)
    assert (second.config.parallelism, second.config.operator_config) == (4, listed)
    assert service.stored(job_id).sql == "old"


def test_a_script_that_cannot_be_planned_is_told_within_a_200(service: Service, sdk: DliClient) -> None:
    service.flink.graph = Refused("line 1, column 8: no such table")
    answer = drawn(sdk, create(sdk))
    assert (answer.is_success, answer.message) == (False, "line 1, column 8: no such table")
    assert (answer.error_code, answer.stream_graph) == ("DLI.0005", "")


@pytest.mark.parametrize(
    ("error", "told"), [(NotReady("starting"), (400, "DLI.0007")), (TooMany("three"), (429, "APIGW.0308"))]
)
def test_a_flink_that_cannot_plan_now_is_told(
    service: Service, sdk: DliClient, error: Exception, told: tuple[int, str]
) -> None:
    service.flink.graph = error
    assert error_of(sdk.create_flink_sql_job_graph, graph_request(create(sdk))) == told


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"sql_body": ""}, "DLI.0001"),
        ({"flink_version": "3.9"}, "DLI.0001"),
        ({"operator_config": "[]"}, "DLI.0001"),
        ({"graph_type": "tree"}, "DLI.0001"),
        ({"static_estimator": True, "static_estimator_config": "{}"}, "DLI.0007"),
    ],
)
def test_what_cannot_be_drawn_is_refused(
    service: Service, sdk: DliClient, fields: dict[str, object], code: str
) -> None:
    assert error_of(sdk.create_flink_sql_job_graph, graph_request(create(sdk), **fields)) == (400, code)


# --- metrics ---


def metrics_request(*job_ids: int) -> model.ShowFlinkMetricRequest:
    return model.ShowFlinkMetricRequest(body=model.ShowFlinkMetricRequestBody(job_ids=list(job_ids)))


def test_metrics_are_those_of_flink_and_zeros_where_nothing_runs(service: Service, sdk: DliClient) -> None:
    busy, idle = create(sdk), create(sdk, name="idle")
    service.flink.figures[busy] = Figures((Flow("t", 9, 1.5), Flow("u", 1, 0.5)), (Flow("s", 4, 0.25),))
    answer = sdk.show_flink_metric(metrics_request(busy, idle, busy))
    assert (answer.is_success, answer.message) == (True, "")
    first, second = answer.metrics.jobs
    assert (first.job_id, second.job_id) == (busy, idle)
    seen = [(each.name, each.records, each.corrupted_records) for each in first.metrics.sources]
    assert seen == [("t", 9, 0), ("u", 1, 0)]
    assert [(each.name, each.records) for each in first.metrics.sinks] == [("s", 4)]
    assert (first.metrics.total_read_rate, first.metrics.total_write_rate) == (2.0, 0.25)
    assert (second.metrics.sources, second.metrics.sinks) == ([], [])
    assert isinstance(second.metrics.total_read_rate, float)
    assert (second.metrics.total_read_rate, second.metrics.total_write_rate) == (0.0, 0.0)


def test_the_message_names_the_jobs_whose_flink_cannot_be_asked(service: Service, sdk: DliClient) -> None:
    job_id = create(sdk)
    service.flink.figures[job_id] = None
    answer = sdk.show_flink_metric(metrics_request(job_id))
    assert answer.message == f"Flink cannot be asked for the metrics of jobs {job_id}."
    assert answer.metrics.jobs[0].metrics.sources == []
