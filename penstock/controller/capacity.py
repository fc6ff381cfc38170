"""Room on a queue: whether a job fits is known before Flink is asked, which would fail it within 0.1 s.

CUs are admission, not enforcement: the jobs of a session cluster share its processes. A job takes one slot for each
parallel instance (Flink: slot sharing), and the CUs of `resources.need`.
"""

from dataclasses import dataclass

from penstock.domain import resources
from penstock.domain.job import Job


@dataclass(frozen=True)
class Lack:
    """Why a job cannot be admitted now, or (`for_ever`) to this queue at all."""

    reason: str
    for_ever: bool


@dataclass(frozen=True)
class Taken:
    """What Flink has said of its slots: how many are taken, and by which runs of ours at least."""

    slots: int = 0
    by: frozenset[str] = frozenset()


@dataclass
class Room:
    """What is free on a queue; jobs are taken off it first come, first served."""

    queue: str
    cus: int
    slots: int | None
    """None: each job brings its own."""
    free_cus: int
    free_slots: int
    taken: Taken = Taken()
    others: int = 0
    """Slots that are taken, less those of the runs of ours among them: they may be other people's."""
    closed: str | None = None
    """Why nobody is let in at present, whatever is free."""
    waiting: bool = False
    """A job that came earlier waits, so no later one is let past it."""

    @classmethod
    def whole(cls, queue: str, cus: int, slots: int | None, taken: Taken = Taken()) -> "Room":
        """Begin with what a queue has when none of its jobs runs."""
        return cls(queue, cus, slots, cus, slots or 0, taken, taken.slots)

    @classmethod
    def shut(cls, queue: str, reason: str) -> "Room":
        return cls(queue, 0, 0, 0, 0, closed=reason)

    def take(self, job: Job) -> None:
        """Take off what a job holds, or will once it is submitted."""
        need = resources.need(job.config)
        self.free_cus -= need.cus
        self.free_slots -= need.slots
        if job.run is not None and job.run.id in self.taken.by:
            self.others -= need.slots

    def lack(self, job: Job) -> Lack | None:
        """Say what the job lacks; None lets it in."""
        if self.closed is not None:
            return Lack(f"waiting for queue {self.queue!r}: {self.closed}", for_ever=False)
        need = resources.need(job.config)
        if need.cus > self.cus or (self.slots is not None and need.slots > self.slots):
            has = f"queue {self.queue!r} has {self._told(self.cus, self.slots)} in all"
            return Lack(f"{self._needs(need)}; {has}", for_ever=True)
        free = max(0, self.free_slots - max(0, self.others))
        if self.waiting or need.cus > self.free_cus or (self.slots is not None and need.slots > free):
            self.waiting = True
            lacking = f"{self._needs(need)}, free are {self._told(max(0, self.free_cus), free)}"
            return Lack(f"waiting for room on queue {self.queue!r}: {lacking}", for_ever=False)
        return None

    def _needs(self, need: resources.Need) -> str:
        return "needs " + self._told(f"{need.cus} CUs", f"{need.slots} slots")

    def _told(self, cus: object, slots: object) -> str:
        return f"{cus}" if self.slots is None else f"{cus} and {slots}"
