"""The contract on the older Flink line, and its words where they decide."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.domain.engine import Cancel, Overview, Refused
from penstock.flink.buckets import Buckets
from penstock.flink.cluster import LocalCluster
from penstock.flink.distribution import FlinkHome
from penstock.flink.engine import Engines, FlinkEngine
from tests.conftest import now_ms, wait_until_ready
from tests.engine_contract import Case, EngineContract, Kind
from tests.flink.test_engine import (
    FlinkWorld,
    test_a_job_larger_than_the_cluster_fails_without_having_run,
    test_a_job_that_flink_restarts_in_place_tells_why_and_how_often,
    test_a_savepoint_that_does_not_fit_the_program_is_refused_by_its_address,
    test_a_script_writes_to_an_address_of_a_bucket,
    test_what_cannot_be_read_fails_the_job_or_is_skipped_as_its_table_says_or_else_its_strategy,
    test_what_flink_would_say_to_every_submission_is_a_refusal,
)
from tests.flink.test_graphs import (
    test_the_ids_of_a_graph_set_the_parallelism_of_operators_and_state_goes_on_through_every_change,
)
from tests.flink.test_jar_programs import (
    test_a_program_that_makes_no_single_job_is_refused_and_leaves_nothing,
    test_a_program_uses_its_jars_files_and_arguments_in_main_and_in_its_tasks,
)

__all__ = [
    "test_a_job_larger_than_the_cluster_fails_without_having_run",
    "test_a_job_that_flink_restarts_in_place_tells_why_and_how_often",
    "test_a_program_that_makes_no_single_job_is_refused_and_leaves_nothing",
    "test_a_program_uses_its_jars_files_and_arguments_in_main_and_in_its_tasks",
    "test_a_savepoint_that_does_not_fit_the_program_is_refused_by_its_address",
    "test_a_script_writes_to_an_address_of_a_bucket",
    "test_the_ids_of_a_graph_set_the_parallelism_of_operators_and_state_goes_on_through_every_change",
    "test_what_cannot_be_read_fails_the_job_or_is_skipped_as_its_table_says_or_else_its_strategy",
    "test_what_flink_would_say_to_every_submission_is_a_refusal",
]
pytestmark = pytest.mark.flink

SLOTS = 8


@pytest.fixture(scope="module")
def older_engine(
    older_home: FlinkHome, buckets: Buckets, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[FlinkEngine]:
    cluster = LocalCluster(older_home, tmp_path_factory.mktemp("older"), slots=SLOTS)
    unit = cluster.start()
    engine = FlinkEngine(unit.rest_url, Engines(buckets, now_ms), unit.incarnation)
    wait_until_ready(engine)
    yield engine
    engine.close()
    cluster.stop()


@pytest.fixture
def world(older_engine: FlinkEngine, buckets: Buckets, tmp_path: Path) -> Iterator[FlinkWorld]:
    yield FlinkWorld(older_engine, buckets, tmp_path)
    seen = older_engine.look([])
    assert isinstance(seen, Overview)
    for run_id in seen.strangers:
        older_engine.perform(Cancel(run_id))


class TestOlderLine(EngineContract):
    pass


def test_state_goes_on_from_the_older_line_to_the_newer_and_not_back(
    world: FlinkWorld, flink_engine: FlinkEngine, job_id: int
) -> None:
    newer = FlinkWorld(flink_engine, world.buckets, world.output)
    first = Case(world, job_id, Kind.NUMBERS).submit()
    first.until_produced(3)
    second = Case(newer, job_id, Kind.NUMBERS, first.stop_with_savepoint()).submit()
    second.until_produced(max(newer.produced(job_id)) + 5)
    savepoint = second.stop_with_savepoint()
    assert sorted(newer.produced(job_id)) == list(range(1, max(newer.produced(job_id)) + 1))
    with pytest.raises(Refused, match=r"^Unrecognized checkpoint version number"):
        Case(world, job_id, Kind.NUMBERS, savepoint).submit()
