"""Tells when a cluster that lives is to give way to a new one, and how long to wait after a try in vain."""

from collections.abc import Callable
from dataclasses import dataclass

SETTLED_S = 5.0
"""How long nothing else is installed before a cluster counts as outdated: several are often added in a row."""
_PAUSE_MOST_S = 24 * 3600.0
_DOUBLED_MOST = 20


@dataclass(frozen=True)
class Tolerance:
    metaspace_percent: int = 0
    """How full the metaspace of one of its processes is when the jobs move to a new one; 0: never."""
    measure_s: float = 30.0
    pause_s: float = 600.0
    """How long at least until the next try; twice as long after each one in vain."""


class Wear:
    """Watches the clusters that follow each other; `now` is in seconds of any clock that only goes forward."""

    def __init__(self, tolerance: Tolerance = Tolerance()) -> None:
        self._tolerance = tolerance
        self._vain = 0
        self._ask_at = 0.0
        self._retry_at = 0.0
        self._measure_at = 0.0
        self._newer: object = None
        self._newer_since = 0.0

    def found(self, newer: object, percent: Callable[[], int], now: float) -> str | None:
        """Say what is wrong with it that only a new cluster can mend, if it is time to ask.

        `newer` is what a cluster started now would have that this one has not, if anything.
        """
        if newer != self._newer:
            self._newer, self._newer_since = newer, now
        if now < self._ask_at:
            return None
        if newer is not None and now - self._newer_since >= SETTLED_S:
            return "is older than the installed connectors or the storage map"
        return "is nearly out of metaspace" if self._is_full(percent, now) else None

    def may_retry(self, now: float) -> bool:
        """Say whether it is time to ask again what could not move the last time."""
        return now >= self._retry_at

    def note_hindered(self, now: float) -> None:
        """Take note that it cannot be tried at present."""
        self._ask_at = now + self._tolerance.measure_s

    def note_vain(self, now: float) -> float:
        """Take note that it was tried in vain, and say how long it is not tried again with the same jobs."""
        pause_s = min(self._tolerance.pause_s * (1 << self._vain), _PAUSE_MOST_S)
        self._vain = min(self._vain + 1, _DOUBLED_MOST)
        self._retry_at = now + pause_s
        self.note_hindered(now)
        return pause_s

    def note_renewed(self, now: float) -> None:
        """Take note that another cluster has taken its place."""
        self._vain, self._ask_at, self._retry_at = 0, now, now
        self._measure_at = now + self._tolerance.pause_s

    def _is_full(self, percent: Callable[[], int], now: float) -> bool:
        """Say whether the metaspace is: then Flink would end all its jobs by itself, at any time."""
        if not self._tolerance.metaspace_percent or now < self._measure_at:
            return False
        self._measure_at = now + self._tolerance.measure_s
        return percent() >= self._tolerance.metaspace_percent
