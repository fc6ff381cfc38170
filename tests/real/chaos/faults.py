"""The faults: each is pulled, holds for a while, and is mended. A victim that has died meanwhile is fine."""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psutil

from penstock.flink import processes
from tests.real.chaos.wire import Wire
from tests.real.conftest import Served

JOBMANAGER, TASKMANAGER = "StandaloneSessionClusterEntrypoint", "TaskManagerRunner"
"""How the main class of each ends on its command line."""

Victims = Callable[[], Sequence[psutil.Process]]


class Fault(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def holds_s(self) -> tuple[float, float]:
        """The shortest and the longest time from pull to mend."""
        ...

    def pull(self) -> None: ...

    def mend(self) -> None:
        """End the fault; what it has broken is for the service to repair."""
        ...


@dataclass
class Kill:
    """kill -9 of all victims at once; `mend` starts what nobody else would, which is the service."""

    name: str
    victims: Victims
    restart: Callable[[], object] = lambda: None
    holds_s: tuple[float, float] = (0, 0)

    def pull(self) -> None:
        _each(self.victims(), psutil.Process.kill)

    def mend(self) -> None:
        self.restart()


@dataclass
class Pause:
    """The victims stand still, with their connections open, and go on where they were (SIGSTOP, SIGCONT)."""

    name: str
    victims: Victims
    holds_s: tuple[float, float] = (3, 40)
    _paused: Sequence[psutil.Process] = ()

    def pull(self) -> None:
        self._paused = self.victims()
        _each(self._paused, psutil.Process.suspend)

    def mend(self) -> None:
        _each(self._paused, psutil.Process.resume)


@dataclass
class WriteLimit:
    """No victim can write to a file, as on a disk that is full (RLIMIT_FSIZE, which binds root too; Linux)."""

    name: str
    victims: Victims
    data_dir: Path
    holds_s: tuple[float, float] = (3, 20)

    def pull(self) -> None:
        _each(self.victims(), lambda process: _limit_files(process, 0))

    def mend(self) -> None:
        """Lift the limit also from what the victims have started, which has inherited it."""
        limited = [*self.victims(), *engines(self.data_dir)]
        _each(limited, lambda process: _limit_files(process, psutil.RLIM_INFINITY))


@dataclass
class Cut:
    """The way to a cluster's REST port is cut: connections break, and new ones are refused."""

    name: str
    wire: Wire
    holds_s: tuple[float, float] = (3, 40)

    def pull(self) -> None:
        self.wire.cut()

    def mend(self) -> None:
        self.wire.join()


@dataclass
class Together:
    """Several at once, as long as the first would hold."""

    faults: Sequence[Fault]

    @property
    def name(self) -> str:
        return " and ".join(fault.name for fault in self.faults)

    @property
    def holds_s(self) -> tuple[float, float]:
        return self.faults[0].holds_s

    def pull(self) -> None:
        for fault in self.faults:
            fault.pull()

    def mend(self) -> None:
        for fault in self.faults:
            fault.mend()


def all_faults(served: Served, restart: Callable[[], object], wires: Sequence[Wire]) -> list[Fault]:
    """One of each kind; `restart` starts the service again."""

    def service() -> list[psutil.Process]:
        return [psutil.Process(served.process.pid)] if served.process and served.process.poll() is None else []

    def flink(role: str = "") -> list[psutil.Process]:
        return [each for each in engines(served.data_dir) if _plays(each, role)]

    def jobmanagers() -> list[psutil.Process]:
        return flink(JOBMANAGER)

    def taskmanagers() -> list[psutil.Process]:
        return flink(TASKMANAGER)

    kill_service = Kill("kill service", service, restart, (0, 20))
    kill_jobmanager = Kill("kill JobManager", jobmanagers)
    limit_service = WriteLimit("write limit of service", service, served.data_dir)
    return [
        kill_service,
        kill_jobmanager,
        Kill("kill TaskManager", taskmanagers),
        Together([kill_service, kill_jobmanager]),
        Kill("kill everything", lambda: [*service(), *flink()], restart, (0, 20)),
        Pause("pause service", service),
        Pause("pause JobManager", jobmanagers),
        Pause("pause TaskManager", taskmanagers),
        limit_service,
        Together([limit_service, kill_jobmanager]),
        WriteLimit("write limit of Flink", flink, served.data_dir),
        *(Cut("cut REST port", wire) for wire in wires),
    ]


def engines(data_dir: Path) -> list[psutil.Process]:
    """Every process of Flink that works for the data directory."""
    return processes.find((processes.data_dir_mark(data_dir),))


def _plays(process: psutil.Process, role: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return any(word.endswith(role) for word in process.cmdline())
    return False


def _each(victims: Sequence[psutil.Process], act: Callable[[psutil.Process], object]) -> None:
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            act(victim)


def _limit_files(process: psutil.Process, soft: int) -> None:
    _, hard = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (hard if soft == psutil.RLIM_INFINITY else soft, hard))
