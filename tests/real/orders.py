"""Known orders for the pipeline, the same every time, and what it must make of them."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

PARTITIONS = 4
_SHOPS = 20
_OPENING = datetime(2026, 1, 1)
_STEP = timedelta(milliseconds=60)

Turnover: TypeAlias = dict[tuple[datetime, str], tuple[int, int]]
"""How many orders a shop, shouted, had in a minute, and their sum in cents."""


@dataclass(frozen=True)
class Orders:
    """So many orders; each partition holds them up to 3 s out of order."""

    count: int

    def messages(self, numbers: range) -> Iterator[tuple[int, bytes]]:
        """Give orders as they go to Kafka, each with its partition."""
        for number in numbers:
            ordered_at, shop, cents = _order(number)
            yield number % PARTITIONS, _message(ordered_at, shop, cents)

    def closing(self) -> Iterator[tuple[int, bytes]]:
        """Give messages that close all minutes: their own ends after none of them."""
        end = _OPENING + self.count * _STEP + timedelta(hours=1)
        return ((partition, _message(end, "closing", 0)) for partition in range(PARTITIONS))

    def turnover(self) -> Turnover:
        """Compute what must come out."""
        sums: Turnover = {}
        for number in range(self.count):
            ordered_at, shop, cents = _order(number)
            key = ordered_at.replace(second=0, microsecond=0), f"{shop.upper()}!"
            orders, total = sums.get(key, (0, 0))
            sums[key] = orders + 1, total + cents
        return sums

    def shares(self, count: int) -> list[range]:
        """Divide the numbers of the orders."""
        ends = [self.count * each // count for each in range(count + 1)]
        return [range(*each) for each in itertools.pairwise(ends)]


def _order(number: int) -> tuple[datetime, str, int]:
    late = number * 7919 % 50
    return (
        _OPENING + (number - late) * _STEP,
        f"shop {(number * 2654435761 >> 16) % _SHOPS}",
        number * 104729 % 10_000,
    )


def _message(ordered_at: datetime, shop: str, cents: int) -> bytes:
    at = ordered_at.isoformat(" ", "milliseconds")
    return f'{{"shop": "{shop}", "cents": {cents}, "ordered_at": "{at}"}}'.encode()
