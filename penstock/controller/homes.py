"""The Flinks of this host, by line: each is prepared when a job first needs it, which may be a long download."""

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.domain.engine import EngineUnavailable
from penstock.flink.distribution import FlinkHome

log = logging.getLogger(__name__)

_RETRY_S = 15.0


@dataclass
class Homes:
    prepare: Callable[[str], FlinkHome]
    """Gives the Flink of a line; it may install it first."""
    on_ready: Callable[[], None]
    _ready: dict[str, FlinkHome] = field(default_factory=dict)
    _lacking: dict[str, str] = field(default_factory=dict)
    """Why each that was asked for is not ready."""
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopping: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """Prepare no other; what is being prepared is left to end by itself."""
        self._stopping.set()

    def lacks(self, line: str) -> str | None:
        """Say why no cluster of a line can be started; None when one can. The first to ask lets it be prepared."""
        with self._lock:
            home = self._ready.get(line)
            if home is not None and home.lib.is_dir():
                return None
            if home is not None:  # somebody has removed it
                del self._ready[line]
                self._lacking.pop(line, None)
            if line not in self._lacking:
                self._lacking[line] = f"Flink {line} is being prepared"
                threading.Thread(target=self._see_to, args=[line], name=f"flink-{line}", daemon=True).start()
            return self._lacking[line]

    def get(self, line: str) -> FlinkHome:
        """Give the Flink of a line; raises `EngineUnavailable` while it is not ready."""
        if (reason := self.lacks(line)) is not None:
            raise EngineUnavailable(reason)
        return self._ready[line]

    def _see_to(self, line: str) -> None:
        while line not in self._ready:
            try:
                self._ready[line] = self.prepare(line)
            except Exception:  # whatever it is (no network, a full disk), it may pass
                self._lacking[line] = f"Flink {line} cannot be prepared; the service's log says why"
                log.exception("Flink %s cannot be prepared; trying again in %d s", line, _RETRY_S)
                if self._stopping.wait(_RETRY_S):
                    return
        self.on_ready()
