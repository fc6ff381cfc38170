"""Forgets what happened long ago: events, sent alarms, the audit log, tokens that ended, keys of repeated calls."""

from collections.abc import Callable

from penstock.controller.rounds import Rounds
from penstock.store import alarms, audit, events, idempotency, tokens
from penstock.store.database import Database

_DAY_MS = 24 * 3_600_000
_TOKEN_DAYS = 7
"""So long a token can be told when it expired."""
_EVERY_S = 600.0
_AT_ONCE = 500
"""How many are looked at in one transaction: calls and controllers write in between."""


class Pruner:
    """Every process on the database can have one."""

    def __init__(self, database: Database, history_days: int, audit_days: int, now_ms: Callable[[], int]) -> None:
        """Take how many days are kept: of what happened to jobs, and of what callers did."""
        self._database = database
        self._days = {events.prune: history_days, alarms.prune: history_days, audit.prune: audit_days}
        self._now_ms = now_ms
        self.rounds = Rounds("pruner", _EVERY_S, self.make_round)

    def make_round(self) -> None:
        """Forget all that is too old."""
        now = self._now_ms()
        for prune, days in self._days.items():
            after_id: int | None = 0
            while after_id is not None and not self.rounds.is_stopping:
                with self._database.write() as tx:
                    after_id = prune(tx, now - days * _DAY_MS, after_id, _AT_ONCE)
        with self._database.write() as tx:
            tokens.prune(tx, now - _TOKEN_DAYS * _DAY_MS)
            idempotency.prune(tx, now)
