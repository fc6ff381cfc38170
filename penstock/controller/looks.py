"""Looks at several clusters at once: one that is slow to answer holds up the others no longer than a moment."""

from collections.abc import Callable, Mapping
from concurrent import futures
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field

from penstock.domain.engine import Overview, Sighting, Unreachable

_PATIENCE_S = 2.0

Seen = Overview | Sighting


@dataclass
class _Look:
    """A look that is on its way, or has ended."""

    future: Future[Seen]
    sent_at: int

    def answer(self) -> Seen:
        if not self.future.done():
            return Unreachable("its Flink cluster is slow to answer", self.sent_at)
        error = self.future.exception()
        return Unreachable(f"it cannot be looked at: {error}") if error else self.future.result()


@dataclass
class Looks:
    """One look at a time for each key, on the threads of a pool."""

    pool: ThreadPoolExecutor
    _taken: dict[str, _Look] = field(default_factory=dict)

    def take(self, wanted: Mapping[str, Callable[[], Seen]], sent_at: int) -> dict[str, Seen]:
        """Look, and give what is seen; a look that has not ended yet goes on, and is not taken anew meanwhile."""
        self._taken = {key: self._begun(key, look, sent_at) for key, look in wanted.items()}
        futures.wait([each.future for each in self._taken.values()], timeout=_PATIENCE_S)
        return {key: each.answer() for key, each in self._taken.items()}

    def are_pending(self) -> bool:
        return any(not each.future.done() for each in self._taken.values())

    def _begun(self, key: str, look: Callable[[], Seen], sent_at: int) -> _Look:
        before = self._taken.get(key)
        if before is not None and not before.future.done():
            return before
        return _Look(self.pool.submit(look), sent_at)
