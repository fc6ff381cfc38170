"""The alarms of failing jobs, sent to a real web hook: each once, later if need be, and no job waits."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import RowMapping, delete, select

from penstock.controller.alarms import CLAIM_MS, AlarmSender
from penstock.domain.history import Kind
from penstock.domain.job import Job, Status
from penstock.store import database as opening
from penstock.store import events, topics
from penstock.store.database import Database
from penstock.store.events import EventFilter
from penstock.store.schema import ALARMS, TOPICS
from penstock.store.topics import Topic
from penstock.store.vault import Vault, open_vault
from tests import receivers
from tests.controller.world import World
from tests.receivers import Hook
from tests.store.conftest import make_project

MINUTE = 60_000


@dataclass
class Office:
    """A queue, the senders of its alarms, and the web hook that the topic `oncall` leads to."""

    world: World
    database: Database
    vault: Vault
    hook: Hook

    def sender(self) -> AlarmSender:
        return AlarmSender(self.database, self.vault, self.world.clock)

    def fail(self, topic: str = "oncall") -> Job:
        job = self.world.create(alarm_topic=topic)
        return self.world.becomes(job, status=Status.EXCEPTION, reason="/ by zero")

    def add(self, name: str, target: str) -> None:
        with self.database.write() as tx:
            topics.add(tx, self.vault, Topic(name, target, 1))

    def stored(self, job: Job) -> RowMapping:
        with self.database.read() as tx:
            return tx.execute(select(ALARMS).where(ALARMS.c.job_id == job.id)).mappings().one()

    def remarks(self, job: Job) -> list[str]:
        with self.database.read() as tx:
            told = events.page(tx, EventFilter(job.project_id, job.id, kinds=[Kind.REMARK]))
        return [each.event.reason for each in told]


@pytest.fixture
def hook() -> Iterator[Hook]:
    with receivers.web_hook() as hook:
        yield hook


@pytest.fixture
def office(database: Database, project: str, tmp_path: Path, hook: Hook) -> Office:
    with database.write() as tx:
        tx.execute(delete(ALARMS))
        tx.execute(delete(TOPICS))
    office = Office(World(database, project), database, open_vault(tmp_path / "key"), hook)
    office.add("oncall", hook.target)
    return office


def test_a_job_that_fails_while_running_is_told_of_once(office: Office) -> None:
    job = office.world.started("failing", alarm_topic="urn:smn:region:project:oncall")
    office.world.until(job, Status.EXCEPTION)
    for _ in range(2):
        office.world.tick()
        office.sender().make_round()
    (message,) = office.hook.messages
    assert message["title"] == f"Penstock job {job.id} ({job.name}): job_running_exception"
    assert "status: job_running_exception\nreason: / by zero\ntime: " in message["message"]
    assert office.remarks(job) == ["alarm sent to topic 'oncall'"]


def test_each_failure_of_a_job_is_told_of(office: Office) -> None:
    job = office.fail()
    office.sender().make_round()
    office.world.becomes(job, status=Status.RUNNING)
    office.world.becomes(job, status=Status.EXCEPTION, reason="again")
    office.sender().make_round()
    assert ["reason: again" in body for body in office.hook.bodies] == [False, True]


def test_a_target_that_refuses_is_tried_again_after_a_minute(office: Office) -> None:
    job = office.fail()
    office.hook.status = 500
    for _ in range(2):
        office.sender().make_round()
    assert len(office.hook.messages) == 1
    assert "500" in office.stored(job)["failure"]
    assert "hunter2" not in office.stored(job)["failure"]
    office.hook.status = 200
    office.world.clock.now += MINUTE
    office.sender().make_round()
    assert len(office.hook.messages) == 2
    assert (office.stored(job)["failure"], office.stored(job)["due_at"]) == (None, None)


def test_a_target_that_is_away_is_asked_once_for_many_alarms_and_keeps_no_other_waiting(office: Office) -> None:
    with receivers.web_hook() as away:
        away.status = 500
        office.add("away", away.target)
        waiting = [office.fail("away") for _ in range(3)]
        near = office.fail()
        office.sender().make_round()
        assert (len(away.messages), len(office.hook.messages)) == (1, 1)
        assert f"({near.name})" in office.hook.bodies[0]
        away.status = 200
        office.world.clock.now += MINUTE
        office.sender().make_round()
    assert sorted(body.split("\n")[0] for body in away.bodies[1:]) == [f"job: {j.id} ({j.name})" for j in waiting]


def test_after_a_day_of_refusals_an_alarm_is_given_up(office: Office) -> None:
    job = office.fail()
    office.hook.status = 404
    while (due_at := office.stored(job)["due_at"]) is not None:
        office.world.clock.now = due_at
        office.sender().make_round()
    assert office.stored(job)["attempts"] == len(office.hook.messages) > 24
    (remark,) = office.remarks(job)
    assert remark.startswith(f"alarm not sent: json://127.0.0.1:{office.hook.port} has not taken it: ")


def test_an_unknown_topic_is_told_of_once_and_does_nothing_to_the_job(
    office: Office, caplog: pytest.LogCaptureFixture
) -> None:
    job = office.fail("nobody")
    for _ in range(2):
        office.sender().make_round()
        office.world.clock.now += MINUTE
    assert [record.getMessage() for record in caplog.records] == [
        f"alarm of job {job.id}: topic 'nobody' does not exist; given up"
    ]
    assert (office.stored(job)["failure"], office.stored(job)["attempts"]) == ("topic 'nobody' does not exist", 1)
    assert office.world.see(job) == job


def test_several_senders_send_each_alarm_once(office: Office) -> None:
    jobs = [office.fail() for _ in range(8)]
    senders = [threading.Thread(target=office.sender().make_round) for _ in range(3)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(body.split("\n")[0] for body in office.hook.bodies) == sorted(
        f"job: {j.id} ({j.name})" for j in jobs
    )


def test_a_sender_sends_by_itself_until_it_is_stopped(office: Office) -> None:
    sent = threading.Event()
    office.hook.on_message = sent.set
    sender = office.sender()
    sender.rounds.start()
    office.fail()
    assert sent.wait(30)
    sender.rounds.stop()
    assert "alarms" not in [thread.name for thread in threading.enumerate()]


SENDER = """
import sys
from pathlib import Path
from penstock.controller.alarms import AlarmSender
from penstock.store.database import open_database
from penstock.store.vault import open_vault
AlarmSender(open_database(sys.argv[1]), open_vault(Path(sys.argv[2])), lambda: int(sys.argv[3])).make_round()
"""


def test_an_alarm_whose_sender_is_killed_before_it_could_note_that_is_sent_again(
    tmp_path: Path, hook: Hook
) -> None:
    url = opening.sqlite_url(tmp_path / "penstock.db")
    database = opening.open_database(url)
    office = Office(World(database, make_project(database)), database, open_vault(tmp_path / "key"), hook)
    office.add("oncall", hook.target)
    job = office.fail()
    started: list[subprocess.Popen[bytes]] = []
    ready = threading.Event()

    def kill() -> None:
        assert ready.wait(60)
        os.kill(started[0].pid, signal.SIGKILL)

    hook.on_message = kill
    now = office.world.clock()
    started.append(subprocess.Popen([sys.executable, "-c", SENDER, url, str(tmp_path / "key"), str(now)]))
    ready.set()
    assert started[0].wait(120) == -signal.SIGKILL
    hook.on_message = lambda: None
    office.sender().make_round()
    assert len(hook.messages) == 1, "the claim of the dead sender still holds"
    office.world.clock.now += CLAIM_MS
    office.sender().make_round()
    assert len(hook.messages) == 2
    assert (office.stored(job)["due_at"], office.stored(job)["attempts"]) == (None, 2)
    database.close()
