"""Flink jobs that are no job's run: ours are ended, others kept on record and left alone until somebody asks."""

import uuid
from dataclasses import replace

import pytest

from penstock.controller.strangers import Strangers
from penstock.domain.engine import Cancel, Overview, Stranger
from penstock.domain.history import CONTROLLER
from penstock.domain.job import Run
from penstock.domain.orphan import Orphan
from penstock.domain.queue import Queue
from penstock.store import jobs, orphans, queues
from penstock.store.database import Database
from tests.controller.world import Clock
from tests.fake_engine import FakeEngine
from tests.store.conftest import draft


class Scene:
    """A queue of the test's project, and looks at its cluster."""

    def __init__(self, database: Database, project: str) -> None:
        self.database, self.project = database, project
        self.clock = Clock()
        self.engine = FakeEngine(self.clock)
        with database.write() as tx:
            self.queue = queues.create(tx, Queue(uuid.uuid4().hex, 8, 8, project), now=1)
        self.strangers = self.new_controller()

    def new_controller(self) -> Strangers:
        return Strangers(self.queue, self.database, self.engine, self.clock)

    def look(self, *alive: Stranger, is_whole: bool = True) -> None:
        self.strangers.deal_with(Overview(1, 1, "", {}, {each.id: each for each in alive}, is_whole))

    def orphans(self) -> list[Orphan]:
        with self.database.read() as tx:
            return [each for each in orphans.visible(tx, self.project) if each.queue == self.queue]

    def cancelled(self) -> list[str]:
        return [action.run_id for action in self.engine.performed if isinstance(action, Cancel)]


@pytest.fixture
def scene(database: Database, project: str) -> Scene:
    return Scene(database, project)


@pytest.fixture
def stray() -> Stranger:
    return Stranger(uuid.uuid4().hex, "by hand", "RUNNING", 5, "unit-1")


def test_one_that_nobody_knows_is_on_record_and_left_alone(scene: Scene, stray: Stranger) -> None:
    scene.look(stray)
    assert [each.stranger for each in scene.orphans()] == [stray]
    assert scene.cancelled() == []
    scene.look()
    assert scene.orphans() == []


def test_what_an_earlier_controller_has_put_on_record_is_dropped_when_it_is_gone(
    scene: Scene, stray: Stranger
) -> None:
    scene.look(stray)
    scene.strangers = scene.new_controller()
    scene.look()
    assert scene.orphans() == []


def test_none_is_dropped_while_a_cluster_of_the_queue_does_not_answer(scene: Scene, stray: Stranger) -> None:
    scene.look(stray)
    scene.look(is_whole=False)
    assert [each.stranger for each in scene.orphans()] == [stray]


def test_the_record_is_written_only_when_something_has_changed(scene: Scene, stray: Stranger) -> None:
    scene.look(stray)
    with scene.database.write() as tx:  # would come back with the next write
        orphans.put(tx, scene.queue, [], 1)
    scene.look(stray)
    assert scene.orphans() == []
    scene.look(replace(stray, state="RESTARTING"))
    assert [each.stranger.state for each in scene.orphans()] == ["RESTARTING"]


def test_one_is_cancelled_until_it_is_gone_once_somebody_asks(scene: Scene, stray: Stranger) -> None:
    scene.look(stray)
    with scene.database.write() as tx:
        orphans.ask_stop(tx, orphans.find(tx, scene.project, stray.id))
    scene.engine.away = "no route"
    scene.look(stray)
    scene.engine.away = None
    scene.look(stray)
    assert scene.cancelled() == [stray.id, stray.id]
    scene.look()
    assert scene.cancelled() == [stray.id, stray.id]


def test_a_run_that_its_job_has_no_more_is_cancelled_and_is_no_orphan(scene: Scene, stray: Stranger) -> None:
    with scene.database.write() as tx:
        made = jobs.create(tx, draft(scene.project), CONTROLLER)
        current = jobs.record(tx, made, replace(made, run=Run(stray.id, 1)), 1, CONTROLLER)
        assert current is not None
    scene.look(stray)
    assert scene.cancelled() == []
    with scene.database.write() as tx:
        jobs.record(tx, current, replace(current, run=None), 2, CONTROLLER)
    scene.look(stray)
    assert (scene.cancelled(), scene.orphans()) == ([stray.id], [])
