"""A cluster that others keep up, as its REST API answers."""

import json

import pytest

from penstock.controller.capacity import Offer, Taken
from penstock.controller.external import ExternalCluster
from penstock.domain.engine import Overview, Unreachable
from penstock.domain.job import JobConfig
from penstock.flink.buckets import Buckets
from penstock.flink.engine import Engines
from tests.conftest import now_ms
from tests.domain import cases
from tests.flink.conftest import Answers, flink_says

__all__ = ["flink_says"]


@pytest.fixture
def external(flink_says: Answers, tmp_path_factory: pytest.TempPathFactory) -> ExternalCluster:
    return ExternalCluster(Engines(Buckets(tmp_path_factory.mktemp("buckets")), now_ms).at(flink_says.url))


def test_a_cluster_of_another_flink_is_seen_and_gets_no_jobs(
    flink_says: Answers, external: ExternalCluster
) -> None:
    flink_says.say("/jobs/overview", '{"jobs": []}')
    flink_says.say("/config", json.dumps({"flink-version": "1.19.1"}))
    flink_says.say("/overview", json.dumps({"taskmanagers": 1, "slots-total": 4, "slots-available": 4}))
    assert external.readiness() == "Flink was not asked yet"
    assert isinstance(external.look([]), Overview)
    assert external.readiness() == "Flink 1.19.1 runs there; supported are 2.3, 1.20"


def test_while_it_does_not_answer_nobody_is_let_in(flink_says: Answers, external: ExternalCluster) -> None:
    flink_says.say("/jobs/overview", '{"errors": ["no leader"]}', 503)
    assert isinstance(external.look([]), Unreachable)
    assert external.readiness() == "Flink does not answer: no leader"


def test_what_others_take_of_its_slots_is_known_at_every_look(
    flink_says: Answers, external: ExternalCluster
) -> None:
    flink_says.say("/jobs/overview", '{"jobs": []}')
    flink_says.say("/config", json.dumps({"flink-version": "1.20.1"}))
    for free in (4, 1):
        flink_says.say("/overview", json.dumps({"taskmanagers": 1, "slots-total": 4, "slots-available": free}))
        external.look([])
        assert external.offer(cases.job()) == Offer("1.20", slots=4, taken=Taken(4 - free))


@pytest.mark.parametrize(
    ("asked", "unfit"),
    [
        (None, None),
        ("1.20", None),
        ("1.15", None),
        ("2.3", "asks for Flink 2.3; on queue 'default' runs 1.20.1, which others keep"),
    ],
)
def test_it_runs_the_jobs_that_its_line_serves(
    flink_says: Answers, external: ExternalCluster, asked: str | None, unfit: str | None
) -> None:
    flink_says.say("/jobs/overview", '{"jobs": []}')
    flink_says.say("/config", json.dumps({"flink-version": "1.20.1"}))
    flink_says.say("/overview", json.dumps({"taskmanagers": 1, "slots-total": 4, "slots-available": 4}))
    external.look([])
    job = cases.job(queue="default", config=JobConfig(flink_version=asked))
    assert external.offer(job).unfit == unfit
