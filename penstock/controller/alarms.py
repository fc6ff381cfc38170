"""Sends the alarms that are due, on a thread of its own: no job waits for it, and each is sent at least once."""

import logging
from collections.abc import Callable

from penstock.controller import targets
from penstock.controller.rounds import Rounds
from penstock.domain import alarm, history
from penstock.domain.errors import NotFound
from penstock.store import alarms, events, jobs, topics
from penstock.store.alarms import Claim
from penstock.store.database import Database
from penstock.store.vault import Vault, WrongKey

log = logging.getLogger(__name__)

CLAIM_MS = 120_000
"""How long an alarm is left to one sender; longer than any target is waited for."""
_EVERY_S = 1.0


class AlarmSender:
    """Every process on the database can have one: an alarm that one has claimed no other sends."""

    def __init__(self, database: Database, vault: Vault, now_ms: Callable[[], int]) -> None:
        self._database = database
        self._vault = vault
        self._now_ms = now_ms
        self.rounds = Rounds("alarms", _EVERY_S, self.make_round)

    def make_round(self) -> None:
        """Try each alarm that is due."""
        while not self.rounds.is_stopping and (claimed := self._claim()) is not None:
            self._send(claimed)

    def _claim(self) -> Claim | None:
        now = self._now_ms()
        with self._database.read() as tx:
            if not alarms.any_due(tx, now):
                return None
        with self._database.write() as tx:
            return alarms.claim(tx, now, now + CLAIM_MS)

    def _send(self, claimed: Claim) -> None:
        try:
            with self._database.read() as tx:
                topic = topics.find(tx, self._vault, claimed.topic)
            targets.send(topic.target, claimed.title, claimed.body)
        except NotFound as error:
            self._failed(claimed, str(error), may_retry=False)
        except (targets.BadTarget, targets.Undelivered, WrongKey) as error:
            self._failed(claimed, str(error), may_retry=True)
        else:
            self._sent(claimed)

    def _sent(self, claimed: Claim) -> None:
        now = self._now_ms()
        with self._database.write() as tx:
            alarms.mark_sent(tx, claimed, now)
            job = jobs.get_any(tx, claimed.job_id)
            events.append(tx, job, [history.remark(job, f"alarm sent to topic {claimed.topic!r}")], now)

    def _failed(self, claimed: Claim, failure: str, *, may_retry: bool) -> None:
        now = self._now_ms()
        due_at = alarm.next_try(claimed.created_at, claimed.attempts, now) if may_retry else None
        with self._database.write() as tx:
            alarms.mark_failed(tx, claimed, failure, due_at)
            if due_at is None:
                job = jobs.get_any(tx, claimed.job_id)
                events.append(tx, job, [history.remark(job, f"alarm not sent: {failure}")], now)
            else:
                alarms.hold_back(tx, claimed.topic, now, due_at)
        again = "given up" if due_at is None else f"trying again in {(due_at - now) // 1000} s"
        log.warning("alarm of job %d: %s; %s", claimed.job_id, failure, again)
