"""Rounds of a chore beside the jobs: on a thread of its own, every so many seconds, whatever the last one met."""

import logging
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)

_PATIENCE_S = 5.0


class Rounds:
    """A chore looks at `is_stopping` between its parts; none that hangs is waited for at the end."""

    def __init__(self, name: str, every_s: float, make_round: Callable[[], None]) -> None:
        self._every_s = every_s
        self._make_round = make_round
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def is_stopping(self) -> bool:
        return self._stopping.is_set()

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._thread.join(_PATIENCE_S)

    def _run(self) -> None:
        while not self._stopping.wait(self._every_s):
            try:
                self._make_round()
            except Exception:  # the database may be away for a while
                log.exception("a round of %s failed; the next one tries again", self._thread.name)
