"""The graph of a script, put together of Flink's plan and of what the runner tells of the operators in it."""

import msgspec

from penstock.domain.graph import Graph, Input, Operator, Task
from penstock.flink.answers import JobPlan
from penstock.flink.rest import RestError


class _Input(msgspec.Struct):
    id: str
    ship: str


class _Operator(msgspec.Struct):
    id: str
    flink: str
    """The id that Flink has for it now; it is another one where chains were taken apart."""
    name: str
    description: str
    parallelism: int
    inputs: list[_Input]
    chain: list[str]


def graph_of(plan: JobPlan) -> Graph:
    """Read the plan of a script that was drawn; raises `RestError`."""
    try:
        told = msgspec.json.decode(plan.name, type=list[_Operator])
    except msgspec.MsgspecError as error:
        raise RestError(502, f"the plan of Flink cannot be read: {error}") from error
    by_id = {each.flink: each for each in told}
    return Graph(plan.jid, tuple(map(_operator, told)), tuple(_tasks(plan, by_id)))


def _operator(told: _Operator) -> Operator:
    inputs = tuple(Input(each.id, each.ship) for each in told.inputs)
    return Operator(told.id, told.name, told.description, told.parallelism, inputs)


def _tasks(plan: JobPlan, by_id: dict[str, _Operator]) -> list[Task]:
    return [
        Task(
            by_id[node.id].id,
            node.description,
            node.parallelism,
            tuple(by_id[node.id].chain),
            tuple(Input(by_id[each.id].id, each.ship_strategy) for each in node.inputs),
        )
        for node in plan.nodes
    ]
