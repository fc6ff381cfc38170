"""Who has failed too often to prove who it is, and from where; and how many such failures are worth a record."""

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Address, ip_address

from penstock.domain.errors import Unauthenticated

_HOUR_MS = 3600 * 1000


@dataclass
class _Failures:
    count: int = 0
    locked_until: int = 0


class Lockout:
    """Refuses a name from one address for a while after failures in a row; from other addresses it goes on.

    So a stranger can guess little, and lock nobody out. Of so many pairs those that failed last are remembered.
    """

    def __init__(self, most_failures: int = 5, pause_ms: int = 5 * 60 * 1000, most_pairs: int = 10_000) -> None:
        self._most_failures = most_failures
        self._pause_ms = pause_ms
        self._most_pairs = most_pairs
        self._pairs: OrderedDict[tuple[str, str], _Failures] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def guarding(self, name: str, address: str, now_ms: int) -> Iterator[None]:
        """Count what is refused within; raises `Unauthenticated` while the pair is locked."""
        pair = (name, _network(address))
        self._check(pair, now_ms)
        try:
            yield
        except Unauthenticated:
            self._count(pair, now_ms)
            raise
        with self._lock:
            self._pairs.pop(pair, None)

    def _check(self, pair: tuple[str, str], now_ms: int) -> None:
        with self._lock:
            until = self._pairs[pair].locked_until if pair in self._pairs else 0
        if now_ms < until:
            raise Unauthenticated(
                f"AK access failed to reach the limit, forbidden: {self._most_failures} failures in a row from this"
                f" address; it is refused until {datetime.fromtimestamp(until / 1000, UTC):%Y-%m-%dT%H:%M:%SZ}"
            )

    def _count(self, pair: tuple[str, str], now_ms: int) -> None:
        with self._lock:
            failures = self._pairs.setdefault(pair, _Failures())
            self._pairs.move_to_end(pair)
            failures.count += 1
            if failures.count >= self._most_failures:
                failures.count, failures.locked_until = 0, now_ms + self._pause_ms
            if len(self._pairs) > self._most_pairs:
                self._pairs.popitem(last=False)


class Quota:
    """So many an hour."""

    def __init__(self, most: int = 100) -> None:
        self._most = most
        self._taken = 0
        self._since = 0
        self._lock = threading.Lock()

    def take(self, now_ms: int) -> bool:
        """Say whether there is one left."""
        with self._lock:
            if now_ms - self._since >= _HOUR_MS:
                self._since, self._taken = now_ms, 0
            self._taken += 1
            return self._taken <= self._most


def _network(address: str) -> str:
    """One caller has a whole /64 of IPv6 addresses."""
    try:
        known = ip_address(address)
    except ValueError:
        return address
    if isinstance(known, IPv6Address) and known.ipv4_mapped is None:
        return known.exploded[:19]
    return str(getattr(known, "ipv4_mapped", None) or known)
