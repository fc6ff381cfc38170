"""How many calls each caller may make: a bucket of them each, which fills as time passes."""

import threading
from dataclasses import dataclass, field

from penstock.dli.errors import TooManyCalls

BURST_S = 10
"""So many seconds' calls may come at once."""


@dataclass
class _Bucket:
    calls: float
    filled_at: int


@dataclass
class Rates:
    """Those of callers who have proved who they are, so that there are no more buckets than keys."""

    per_second: int = 100
    _buckets: dict[str, _Bucket] = field(default_factory=dict)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def count(self, caller: str, now_ms: int) -> None:
        """Count a call; raises `TooManyCalls`."""
        full = self.per_second * BURST_S
        with self._turn:
            bucket = self._buckets.setdefault(caller, _Bucket(full, now_ms))
            passed_s = max(0, now_ms - bucket.filled_at) / 1000
            bucket.calls = min(full, bucket.calls + passed_s * self.per_second)
            bucket.filled_at = now_ms
            if bucket.calls < 1:
                raise TooManyCalls(f"the caller makes more than {self.per_second} calls a second")
            bucket.calls -= 1
