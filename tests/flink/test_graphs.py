"""The graph of a script on a real Flink, and its operators with a parallelism of their own."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from penstock.domain.engine import Cancel, Ending, Overview, Refused
from penstock.domain.graph import Graph
from penstock.flink.buckets import Buckets
from penstock.flink.engine import FlinkEngine
from tests.engine_contract import Case, Kind
from tests.flink import programs
from tests.flink.test_engine import FlinkWorld
from tests.flink.test_jar_programs import SHOUTING, lines, upload

pytestmark = pytest.mark.flink


@pytest.fixture
def world(flink_engine: FlinkEngine, buckets: Buckets, tmp_path: Path) -> Iterator[FlinkWorld]:
    yield FlinkWorld(flink_engine, buckets, tmp_path)
    seen = flink_engine.look([])
    assert isinstance(seen, Overview)
    for stranger in seen.strangers:
        flink_engine.perform(Cancel(stranger))


def with_operators(case: Case, parallelism: Mapping[str, int]) -> Case:
    listed = [{"id": each, "parallelism": number} for each, number in parallelism.items()]
    config = replace(case.job.config, operator_config=json.dumps({"operator_list": listed}))
    case.job = replace(case.job, config=config)
    return case


def planned(world: FlinkWorld, case: Case) -> Graph:
    assert isinstance(world.engine, FlinkEngine)
    return world.engine.plan(case.job)


def found(graph: Graph, name: str) -> str:
    (operator,) = [each.id for each in graph.operators if name in each.name]
    return operator


@pytest.mark.covers("E33")
def test_the_ids_of_a_graph_set_the_parallelism_of_operators_and_state_goes_on_through_every_change(
    world: FlinkWorld, job_id: int
) -> None:
    first = Case(world, job_id, Kind.NUMBERS)
    plain = planned(world, first)
    writer = found(plain, "StreamingFileWriter")
    assert {each.parallelism for each in plain.operators} == {1}
    assert sorted(each for task in plain.tasks for each in task.operators) == sorted(
        each.id for each in plain.operators
    )
    first.submit()
    first.until_produced(3)
    savepoint = first.stop_with_savepoint()
    for parallelism in (3, 2):
        case = with_operators(Case(world, job_id, Kind.NUMBERS, savepoint), {writer: parallelism})
        changed = planned(world, case)
        assert {each.id: each.parallelism for each in changed.operators} == {
            each.id: parallelism if each.id == writer else 1 for each in plain.operators
        }
        (task,) = [each for each in changed.tasks if writer in each.operators]
        assert (task.id, task.parallelism, task.inputs[0].shipping) == (writer, parallelism, "REBALANCE")
        case.submit()
        case.until_produced(max(world.produced(job_id)) + 5)
        assert parallelism in in_flink(case)
        savepoint = case.stop_with_savepoint()
    assert sorted(world.produced(job_id)) == list(range(1, max(world.produced(job_id)) + 1))


def in_flink(case: Case) -> set[int]:
    """Read the parallelism of the tasks of a run that runs off Flink's own plan of it."""
    plan = case.until(lambda seen: seen.plan)
    return {node["parallelism"] for node in json.loads(plan)["nodes"]}


def test_an_operator_that_is_not_there_is_named(world: FlinkWorld, job_id: int) -> None:
    case = with_operators(Case(world, job_id, Kind.BOUNDED), {"ab": 2, "cd": 2})
    told = "operator_config: the job has no operator ab, cd"
    with pytest.raises(Refused, match=f"^{told}$"):
        planned(world, case)
    with pytest.raises(Refused, match=f"^{told}$"):
        case.submit()


def test_operators_that_hand_on_changes_of_rows_keep_one_parallelism(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.SUMS)
    graph = planned(world, case)
    aggregate, writer = found(graph, "GroupAggregate"), found(graph, "sink")
    with pytest.raises(Refused, match="need the same parallelism"):
        planned(world, with_operators(case, {aggregate: 2}))
    changed = planned(world, with_operators(case, {aggregate: 2, writer: 2}))
    assert [each.parallelism for each in changed.tasks if writer in each.operators] == [2]


def test_functions_of_a_jar_are_there_when_a_script_is_drawn_and_when_its_operators_are_changed(
    world: FlinkWorld, job_id: int
) -> None:
    jar = upload(world, "shout.jar", programs.some("Shout"))
    function = "CREATE TEMPORARY FUNCTION shout AS 'io.penstock.programs.Shout';"
    case = Case(world, job_id, Kind.BOUNDED)
    case.job = replace(
        case.job,
        sql=SHOUTING.format(path=world.output / "out", function=function),
        config=replace(case.job.config, udf_jar_url=jar),
    )
    calc = found(planned(world, case), "Calc")
    assert with_operators(case, {calc: 2}).submit().until_ended().how is Ending.FINISHED
    assert lines(world) == ['"A!"'] * 3


def test_a_script_that_is_wrong_is_refused_with_its_place(world: FlinkWorld, job_id: int) -> None:
    with pytest.raises(Refused, match=r"^line 2, column \d+: "):
        planned(world, Case(world, job_id, Kind.WRONG))
