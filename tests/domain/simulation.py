"""Plays many worlds on all cores.

`python -m tests.domain.simulation 20000` plays that many and prints the seeds that go wrong, and how the lives have
ended; with `mutations` after the number it counts for each mutation in how many worlds it goes wrong as foretold.
"""

import functools
import itertools
import multiprocessing
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from penstock.domain.job import Status
from tests.domain import mutations
from tests.domain.truth import Wrong
from tests.domain.world import World

CHUNK = 100
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True)
class Outcome:
    seed: int
    ended: Status
    wrong: frozenset[Wrong]

    def __str__(self) -> str:
        return f"seed {self.seed}: {', '.join(sorted(self.wrong))}"


def play_all(worlds: int) -> Iterator[Outcome]:
    chunks = [range(first, min(first + CHUNK, worlds)) for first in range(0, worlds, CHUNK)]
    return itertools.chain.from_iterable(on_all_cores(_play, chunks))


def on_all_cores(work: Callable[[T], R], tasks: Sequence[T]) -> Iterator[R]:
    with multiprocessing.get_context("spawn").Pool(min(len(tasks), os.cpu_count() or 1)) as pool:
        yield from pool.imap(work, tasks)


def catch_all(worlds: int, enough: int | None = None) -> Iterator[list[int]]:
    """Give for each mutation the seeds of the worlds where it leads to what it should, or as many as are enough."""
    return on_all_cores(functools.partial(_catch, worlds, enough), range(len(mutations.ALL)))


def _catch(worlds: int, enough: int | None, number: int) -> list[int]:
    mutation = mutations.ALL[number]  # by its number, as its functions cannot be sent to another process
    wrong = (seed for seed in range(worlds) if World(seed, mutation).play().wrong & mutation.leads_to)
    return list(itertools.islice(wrong, enough))


def _play(seeds: Sequence[int]) -> list[Outcome]:
    worlds = ((seed, World(seed).play()) for seed in seeds)
    return [Outcome(seed, world.row.status, frozenset(world.wrong)) for seed, world in worlds]


def main() -> None:
    worlds = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    if "mutations" in sys.argv:
        for mutation, caught in zip(mutations.ALL, catch_all(worlds), strict=True):
            print(f"{len(caught):>8} {mutation.name}", flush=True)
        return
    ends: Counter[Status] = Counter()
    bad = 0
    for outcome in play_all(worlds):
        ends[outcome.ended] += 1
        if outcome.wrong:
            bad += 1
            print(outcome, flush=True)
    for status, count in ends.most_common():
        print(f"{count:>8} {status}")
    print(f"{worlds} worlds, {bad} went wrong")
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
