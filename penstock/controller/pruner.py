"""Forgets what happened long ago: events, and alarms that were sent or given up."""

from collections.abc import Callable

from penstock.controller.rounds import Rounds
from penstock.store import alarms, events
from penstock.store.database import Database

_DAY_MS = 24 * 3_600_000
_EVERY_S = 600.0
_AT_ONCE = 500
"""How many are looked at in one transaction: calls and controllers write in between."""


class Pruner:
    """Every process on the database can have one."""

    def __init__(self, database: Database, days: int, now_ms: Callable[[], int]) -> None:
        """Take how many days are kept."""
        self._database = database
        self._days = days
        self._now_ms = now_ms
        self.rounds = Rounds("pruner", _EVERY_S, self.make_round)

    def make_round(self) -> None:
        """Forget all that is too old."""
        before = self._now_ms() - self._days * _DAY_MS
        for prune in (events.prune, alarms.prune):
            after_id: int | None = 0
            while after_id is not None and not self.rounds.is_stopping:
                with self._database.write() as tx:
                    after_id = prune(tx, before, after_id, _AT_ONCE)
