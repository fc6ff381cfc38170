"""Who keeps a queue: one process at a time, and another one when it dies."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.controller.leases import LEASE_MS
from penstock.domain.queue import Holder, Queue
from penstock.store import database as opening
from penstock.store import queues
from tests import postgres
from tests.controller.queues_world import Site, wait_until

RENEWED_MS = LEASE_MS // 2


@pytest.fixture(params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    """A database of the test's own: a controller keeps all queues of its database."""
    here = opening.sqlite_url(tmp_path / "penstock.db")
    site = Site(opening.open_database(here if request.param == "sqlite" else postgres.server().new_database()))
    yield site
    site.end()


def not_ready(site: Site, queue: Queue) -> str | None:
    with site.database.read() as tx:
        return queues.find(tx, site.project, queue.name).not_ready


def take(site: Site, queue: Queue, until: int) -> None:
    """Let some other process take the lease, whoever holds it."""
    with site.database.write() as tx:
        queues.release(tx, queue.id)
        assert queues.take_lease(tx, queue.id, Holder("somebody", "here"), site.clock(), until)


def test_a_queue_is_kept_by_the_one_that_takes_it_first_as_long_as_it_lives(site: Site) -> None:
    queue = site.queue()
    first, second = site.process("first"), site.process("second")
    for _ in range(5):
        first.controller.make_round()
        second.controller.make_round()
        site.clock.now += RENEWED_MS
    assert (first.keeps(), second.keeps()) == ({queue.id}, set())
    assert first.clusters[queue.id].started


def test_the_queues_of_a_process_that_died_are_taken_over_once_its_lease_has_ended(site: Site) -> None:
    queue = site.queue()
    dead, other = site.process("dead"), site.process("other")
    dead.controller.make_round()
    site.clock.now += LEASE_MS - 100
    other.controller.make_round()
    assert other.keeps() == set()
    site.clock.now += 100
    other.controller.make_round()
    assert other.keeps() == {queue.id}


def test_the_successor_of_a_process_that_died_takes_over_at_once(site: Site) -> None:
    queue = site.queue()
    site.process("seat 0").controller.make_round()
    successor = site.process("seat 0")
    successor.controller.make_round()
    assert successor.keeps() == {queue.id}


def test_a_process_that_ends_gives_back_what_it_kept(site: Site) -> None:
    queue = site.queue()
    ended, other = site.process("ended"), site.process("other")
    ended.controller.start()
    ended.controller.stop(end_clusters=False)
    assert ended.clusters[queue.id].stopped == "left alone"
    other.controller.make_round()
    assert other.keeps() == {queue.id}


def test_a_local_cluster_stays_where_it_is_and_an_external_one_is_kept_from_anywhere(site: Site) -> None:
    local, external = site.queue(), site.queue(rest_url="http://flink:8081")
    here, elsewhere = site.process("here", "here"), site.process("elsewhere", "elsewhere")
    here.controller.make_round()
    site.clock.now += 2 * LEASE_MS
    elsewhere.controller.make_round()
    assert elsewhere.keeps() == {external.id}
    site.process("again", "here").controller.make_round()
    assert site.processes[-1].keeps() == {local.id}


def test_a_process_that_was_paused_notices_that_another_has_taken_over(site: Site) -> None:
    queue = site.queue()
    paused, other = site.process("paused"), site.process("other")
    paused.controller.make_round()
    site.clock.now += LEASE_MS
    other.controller.make_round()
    paused.controller.make_round()
    wait_until(lambda: paused.clusters[queue.id].stopped)
    assert paused.clusters[queue.id].stopped == "left alone"
    site.clock.now += RENEWED_MS
    other.controller.make_round()
    assert (paused.keeps(), other.keeps()) == (set(), {queue.id})


def test_the_cluster_of_a_deleted_queue_is_ended_and_no_other(site: Site) -> None:
    deleted, stays = site.queue(), site.queue()
    process = site.process("one")
    process.controller.make_round()
    site.delete(deleted)
    process.controller.make_round()
    wait_until(lambda: process.clusters[deleted.id].stopped)
    assert (process.clusters[deleted.id].stopped, process.clusters[stays.id].stopped) == ("ended", None)


def test_the_cluster_of_a_queue_that_is_deleted_just_as_its_lease_is_renewed_is_ended_too(site: Site) -> None:
    deleted: list[Queue] = []

    def now_ms() -> int:
        for queue in deleted:
            site.delete(queue)
        return site.clock()

    queue = site.queue()
    process = site.process("one", now_ms=now_ms)
    process.controller.make_round()
    site.clock.now += LEASE_MS
    deleted.append(queue)
    for _ in range(2):
        process.controller.make_round()
    wait_until(lambda: process.clusters[queue.id].stopped)
    assert process.clusters[queue.id].stopped == "ended"


def test_a_process_does_not_end_before_the_cluster_of_a_deleted_queue_has(site: Site) -> None:
    queue = site.queue()
    process = site.process("one")
    process.controller.start()
    cluster = process.clusters[queue.id]
    cluster.hangs.set()
    assert cluster.hanging.wait(30)
    site.delete(queue)
    process.controller.make_round()
    cluster.answer()
    process.controller.stop(end_clusters=False)
    assert cluster.stopped == "ended"


def test_a_look_that_hangs_on_a_lost_queue_costs_the_others_nothing(site: Site) -> None:
    lost, kept = site.queue(), site.queue()
    process, other = site.process("one"), site.process("other")
    process.controller.make_round()
    cluster = process.clusters[lost.id]
    cluster.hangs.set()
    assert cluster.hanging.wait(30)
    take(site, lost, until=site.clock() + 10 * LEASE_MS)
    for _ in range(3):
        site.clock.now += RENEWED_MS
        process.controller.make_round()
        other.controller.make_round()
    assert cluster.stopped is None, "its look still hangs"
    assert (process.clusters[kept.id].stopped, other.keeps()) == (None, set())


def test_a_queue_is_not_kept_again_before_its_keeper_has_ended(site: Site) -> None:
    queue = site.queue()
    process = site.process("one")
    process.controller.make_round()
    first = process.clusters[queue.id]
    first.hangs.set()
    assert first.hanging.wait(30)
    take(site, queue, until=site.clock() + LEASE_MS)
    site.clock.now += LEASE_MS // 2
    process.controller.make_round()
    site.clock.now += LEASE_MS
    process.controller.make_round()
    assert process.clusters[queue.id] is first
    first.answer()

    def is_kept_again() -> bool:
        process.controller.make_round()
        return process.clusters[queue.id] is not first

    wait_until(is_kept_again)
    assert first.stopped == "left alone"


def test_a_queue_whose_cluster_cannot_be_made_costs_the_others_nothing(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    broken, good = site.queue(), site.queue()
    site.broken.add(broken.id)
    process, other = site.process("one"), site.process("other")
    for _ in range(3):
        process.controller.make_round()
        site.clock.now += RENEWED_MS
    other.controller.make_round()
    assert (process.keeps(), other.keeps()) == ({good.id}, set())
    assert f"queue {broken.id} could not be seen to" in caplog.text


def test_every_process_can_tell_why_a_queue_is_not_ready(site: Site) -> None:
    queue = site.queue()
    process = site.process("one")
    process.controller.make_round()
    process.clusters[queue.id].not_ready = "Flink is starting"
    process.controller.make_round()
    assert not_ready(site, queue) == "Flink is starting"
    process.clusters[queue.id].become_ready()
    process.controller.make_round()
    assert not_ready(site, queue) is None


def test_the_service_is_ready_when_somebody_keeps_the_default_queue_and_it_can_run_jobs(site: Site) -> None:
    default = site.default_queue()
    keeps, asked = site.process("keeps"), site.process("asked")
    assert asked.controller.readiness() == "no process keeps the queue"
    keeps.controller.make_round()
    keeps.clusters[default.id].not_ready = "Flink is starting"
    keeps.controller.make_round()
    asked.controller.make_round()
    assert (keeps.controller.readiness(), asked.controller.readiness()) == ("Flink is starting",) * 2
    keeps.clusters[default.id].not_ready = None
    keeps.controller.make_round()
    assert (keeps.controller.readiness(), asked.controller.readiness()) == (None, None)
    site.clock.now += LEASE_MS
    assert asked.controller.readiness() == "no process keeps the queue"


def test_a_queue_that_is_made_while_the_service_runs_is_kept_at_once(site: Site) -> None:
    process = site.process("one")
    process.controller.start()
    queue = site.queue()
    process.controller.wake()
    wait_until(lambda: process.keeps() == {queue.id})
