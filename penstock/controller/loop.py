"""The loop: a pass every second, many a second while a job is on the move, and one at once when woken."""

import logging
import threading
import time
from collections.abc import Callable

log = logging.getLogger(__name__)

STEADY_S = 1.0
MOVING_S = 0.01
"""Between two passes while a job is on the move; never less than what a pass takes."""


class Loop:
    """Runs passes on a thread of its own until it is told to stop; setting `woken` asks for one at once."""

    def __init__(self, make_pass: Callable[[], bool], woken: threading.Event) -> None:
        self._make_pass = make_pass
        self._woken = woken
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="controller", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Let the present pass end, and make no other."""
        self._stopping = True
        self._woken.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stopping:
            self._woken.clear()
            moving, began = False, time.monotonic()
            try:
                moving = self._make_pass()
            except Exception:  # the database may be away for a while; the loop outlives it
                log.exception("a pass failed; the next one tries again")
            took = time.monotonic() - began
            self._woken.wait(max(MOVING_S, took) if moving else STEADY_S)
