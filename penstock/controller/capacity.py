"""Room on a queue: whether a job fits is known before Flink is asked, which would fail it within 0.1 s.

CUs are admission, not enforcement: the jobs of a session cluster share its processes. A job holds the CUs that it
names and one slot for each parallel instance (DLI: create SQL job, `cu_number`; Flink: slot sharing).
"""

from dataclasses import dataclass

from penstock.domain.job import Job


@dataclass(frozen=True)
class Lack:
    """Why a job cannot be admitted now, or (`for_ever`) to this queue at all."""

    reason: str
    for_ever: bool


@dataclass
class Room:
    """What is free on a queue; jobs are taken off it first come, first served."""

    queue: str
    cus: int
    slots: int
    free_cus: int
    free_slots: int
    closed: str | None = None
    """Why nobody is let in at present, whatever is free."""
    waiting: bool = False
    """A job that came earlier waits, so no later one is let past it."""

    @classmethod
    def whole(cls, queue: str, cus: int, slots: int) -> "Room":
        return cls(queue, cus, slots, cus, slots)

    @classmethod
    def shut(cls, queue: str, reason: str) -> "Room":
        return cls(queue, 0, 0, 0, 0, closed=reason)

    def take(self, job: Job) -> None:
        self.free_cus -= job.config.cus
        self.free_slots -= job.config.parallelism

    def lack(self, job: Job) -> Lack | None:
        """Say what the job lacks; None lets it in."""
        if self.closed is not None:
            return Lack(f"waiting for queue {self.queue!r}: {self.closed}", for_ever=False)
        cus, slots = job.config.cus, job.config.parallelism
        need = f"needs {cus} CUs and {slots} slots"
        if cus > self.cus or slots > self.slots:
            has = f"queue {self.queue!r} has {self.cus} and {self.slots}"
            return Lack(f"{need}; {has} in all", for_ever=True)
        if self.waiting or cus > self.free_cus or slots > self.free_slots:
            self.waiting = True
            free = f"{max(0, self.free_cus)} and {max(0, self.free_slots)}"
            return Lack(f"waiting for room on queue {self.queue!r}: {need}, free are {free}", for_ever=False)
        return None
