"""Tells when a cluster hangs whose processes live: paused, swapped out, or deadlocked."""

from dataclasses import dataclass

_GAP_MOST_S = 30.0


@dataclass(frozen=True)
class Limits:
    silent_s: float = 180.0
    """How long the REST API may not answer."""
    alone_s: float = 120.0
    """How long it may answer without a TaskManager; Flink drops one that is silent for 20 s."""
    start_s: float = 300.0
    """How long either may last before it has had slots for the first time: a busy machine starts it in 90 s."""


class Vigil:
    """Watches one cluster by what each question for its slots was answered.

    Between two questions no more than `_GAP_MOST_S` count: a service that was paused itself has heard nothing, and
    must not take that for silence.
    """

    def __init__(self, now: float, limits: Limits = Limits()) -> None:
        """Begin at `now`, in seconds of any clock that only goes forward."""
        self._limits = limits
        self._asked_at = now
        self._silent_s = 0.0
        self._alone_s = 0.0
        self._was_up = False

    def note(self, slots: int | None, now: float) -> str | None:
        """Take an answer (None: there was none), and say why the cluster must be ended; None while it need not."""
        gap = min(now - self._asked_at, _GAP_MOST_S)
        self._asked_at = now
        if slots is None:
            self._silent_s += gap
        else:
            self._silent_s = 0.0
            self._alone_s = 0.0 if slots else self._alone_s + gap
        self._was_up |= bool(slots)
        if self._silent_s >= self._most(self._limits.silent_s):
            return f"Flink has not answered for {self._silent_s:.0f} s although its processes live"
        if self._alone_s >= self._most(self._limits.alone_s):
            return f"no TaskManager has been registered for {self._alone_s:.0f} s although its process lives"
        return None

    def _most(self, limit_s: float) -> float:
        return limit_s if self._was_up else self._limits.start_s
