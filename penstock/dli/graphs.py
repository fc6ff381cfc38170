"""What Flink makes of a job, on the wire: its execution, and the graph of a script that is not run."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from penstock.dli import config, sql_jobs
from penstock.domain.errors import NotAllowed
from penstock.domain.graph import Graph, Input, Operator, Task
from penstock.domain.job import Execution, Job

_NAMES = {"is_stoppable": "isStoppable", "start_time": "start-time", "end_time": "end-time"}


class ExecuteGraph(msgspec.Struct, rename=_NAMES):
    """The latest run in Flink's words; `end-time` is -1 until it has ended."""

    jid: str
    name: str
    is_stoppable: bool
    state: str
    start_time: int
    end_time: int
    duration: int


class ExecutionAnswer(msgspec.Struct, kw_only=True):
    is_success: str = "true"
    message: str = ""
    execute_graph: ExecuteGraph | None


def execution(latest: Execution | None, now: int) -> ExecutionAnswer:
    """Show the latest run; null before the first."""
    if latest is None:
        return ExecutionAnswer(execute_graph=None)
    ended_at = latest.ended_at
    graph = ExecuteGraph(
        jid=latest.id,
        name=latest.name,
        is_stoppable=False,  # as Flink says of every job
        state=latest.state,
        start_time=latest.started_at,
        end_time=-1 if ended_at is None else ended_at,
        duration=max(0, (now if ended_at is None else ended_at) - latest.started_at),
    )
    return ExecutionAnswer(execute_graph=graph)


# --- the graph of a script ---


class GraphBody(msgspec.Struct, kw_only=True):
    """A script, and the settings to plan it with; what is not given is as the job has it, but `operator_config`."""

    sql_body: Annotated[str, Meta(min_length=1, max_length=1024 * 1024)]
    job_type: Literal["flink_opensource_sql_job", "flink_sql_job"] | None = None
    graph_type: Literal["simple_graph", "job_graph"] | None = None
    flink_version: Annotated[str, Meta(max_length=32)] | None = None
    cu_number: Annotated[int, Meta(ge=2, le=400)] | None = None
    manager_cu_number: config.AtLeastOne | None = None
    parallel_number: Annotated[int, Meta(ge=1, le=2000)] | None = None
    tm_cus: config.AtLeastOne | None = None
    tm_slot_num: config.AtLeastZero | None = None
    operator_config: config.Document | None = None
    static_estimator: bool = False
    static_estimator_config: config.Document | None = None


class GraphAnswer(msgspec.Struct, kw_only=True):
    is_success: bool
    message: str = ""
    error_code: str = ""
    stream_graph: str = ""


def to_plan(job: Job, body: GraphBody) -> Job:
    """Give the job that would be run with this script; raises `Invalid` or `NotAllowed`."""
    if body.static_estimator:
        raise NotAllowed("static_estimator is not supported: nothing here estimates what a script will need")
    given = {name: getattr(body, name) for name in _OF_DRAFTS}
    given["operator_config"] = body.operator_config or ""
    return sql_jobs.wanted(job, sql_jobs.UpdateBody(**given))


_OF_DRAFTS = (
    *("sql_body", "flink_version", "cu_number", "manager_cu_number", "parallel_number", "tm_cus", "tm_slot_num"),
    "static_estimator_config",
)


def refused(reason: str) -> GraphAnswer:
    """Answer for a script that cannot be planned: as Terraform and the SDK expect it, within a 200."""
    return GraphAnswer(is_success=False, message=reason, error_code="DLI.0005")


def drawn(job: Job, graph: Graph, graph_type: str | None) -> GraphAnswer:
    """Show the tasks of a graph, or with `job_graph` each operator as one."""
    nodes = graph.operators if graph_type == "job_graph" else graph.tasks
    text = {
        "jid": graph.job_id,
        "name": job.name,
        "nodes": [_node(each) for each in nodes],
        "operator_list": [_operator(each, graph.operators) for each in graph.operators],
    }
    return GraphAnswer(is_success=True, stream_graph=msgspec.json.encode(text).decode())


def _node(node: Operator | Task) -> dict[str, Any]:
    told: dict[str, Any] = {
        "id": node.id,
        "parallelism": node.parallelism,
        "operator": "",
        "operator_strategy": "",
        "description": node.description,
        "chain_operators_id": node.operators if isinstance(node, Task) else [node.id],
        "optimizer_properties": {},
    }
    return told | ({"inputs": [_input(*each) for each in enumerate(node.inputs)]} if node.inputs else {})


def _input(number: int, given: Input) -> dict[str, Any]:
    return {"num": number, "id": given.id, "ship_strategy": given.shipping, "exchange": "pipelined_bounded"}


def _operator(operator: Operator, all_of_it: Sequence[Operator]) -> dict[str, Any]:
    read = {each.id for other in all_of_it for each in other.inputs}
    kind = "Source" if not operator.inputs else "Operator" if operator.id in read else "Sink"
    return {
        "id": operator.id,
        "name": operator.name,
        "type": kind,
        "contents": operator.description,
        "parallelism": operator.parallelism,
        "tags": f"[{kind.upper()}]",
        "input_operators_id": [each.id for each in operator.inputs],
    }
