"""The loop that makes the passes."""

import threading
import time
from collections.abc import Callable

from penstock.controller.loop import Loop

SOON_S = 10.0
"""Far more than a pass may take to begin; a test waits for less of it."""


class Passes:
    """Counts passes, and runs what a test wants in each."""

    def __init__(self, make: Callable[[int], bool] = lambda number: False) -> None:
        self._make = make
        self._begun = threading.Condition()
        self.times: list[float] = []

    def __call__(self) -> bool:
        with self._begun:
            self.times.append(time.monotonic())
            self._begun.notify_all()
        return self._make(len(self.times))

    def wait_for(self, number: int) -> None:
        with self._begun:
            assert self._begun.wait_for(lambda: len(self.times) >= number, SOON_S)


def test_a_pass_is_made_at_once_when_the_loop_is_woken() -> None:
    passes, woken = Passes(), threading.Event()
    loop = Loop(passes, woken)
    loop.start()
    for number in range(1, 21):
        passes.wait_for(number)
        woken.set()
    loop.stop()
    assert passes.times[19] - passes.times[0] < 10, "twenty passes of a second each take longer"


def test_a_wake_during_a_pass_is_not_lost() -> None:
    woken = threading.Event()
    passes = Passes(lambda number: woken.set() or False)
    loop = Loop(passes, woken)
    loop.start()
    passes.wait_for(30)
    loop.stop()
    assert passes.times[29] - passes.times[0] < 10


def test_passes_follow_each_other_sooner_while_a_job_is_on_the_move() -> None:
    moving, still = Passes(lambda number: True), Passes(lambda number: number > 2)
    woken_once = threading.Event()
    woken_once.set()
    loops = [Loop(moving, threading.Event()), Loop(still, woken_once)]
    for loop in loops:
        loop.start()
    still.wait_for(2)
    for loop in loops:
        loop.stop()
    assert len(moving.times) > len(still.times)
    assert still.times[1] - still.times[0] >= 0.9


def test_the_loop_outlives_a_pass_that_fails() -> None:
    def fail_once(number: int) -> bool:
        if number == 1:
            raise OSError("database is away")
        return False

    passes, woken = Passes(fail_once), threading.Event()
    loop = Loop(passes, woken)
    loop.start()
    passes.wait_for(1)
    woken.set()
    passes.wait_for(2)
    loop.stop()


def test_a_stopped_loop_has_ended_its_last_pass_and_makes_no_other() -> None:
    woken, within = threading.Event(), threading.Event()
    ended: list[int] = []

    def make(number: int) -> bool:
        within.set()
        assert woken.wait(SOON_S), "stop wakes the loop, then waits for this pass to end"
        ended.append(number)
        return True

    loop = Loop(Passes(make), woken)
    loop.start()
    assert within.wait(SOON_S)
    loop.stop()
    assert ended == [1]
