"""Room on a queue: whether a job fits is known before Flink is asked, which would fail it within 0.1 s.

CUs are admission, not enforcement: the jobs of a session cluster share its processes. A job takes one slot for each
parallel instance (Flink: slot sharing), and the CUs of `resources.need`. All jobs of a queue share its CUs; slots
are a cluster's, and a queue has one cluster for each Flink line that its jobs ask for.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from penstock.domain import resources
from penstock.domain.errors import Invalid
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


@dataclass(frozen=True)
class Offer:
    """What a cluster has for the jobs that go there."""

    line: str = ""
    """The Flink line that it runs; a queue has no more than one cluster of each."""
    cluster: str = ""
    """Its incarnation."""
    slots: int | None = None
    """None: each job brings its own."""
    taken: Taken = Taken()
    closed: str | None = None
    """Why nobody is let in at present, whatever is free."""
    unfit: str | None = None
    """Why this job can never run there."""


@dataclass
class _Slots:
    """What is free of the slots of one cluster."""

    free: int
    others: int
    """Slots that are taken, less those of the runs of ours among them: they may be other people's."""
    waiting: bool = False
    """A job that came earlier waits for slots here, so no later one is let past it."""


@dataclass
class Room:
    """What is free on a queue; jobs are taken off it first come, first served."""

    queue: str
    cus: int
    offer: Callable[[Job], Offer]
    """Says what the cluster of a job has; raises `Invalid` for one that none can run."""
    free_cus: int = field(init=False)
    waiting: bool = False
    """A job that came earlier waits for CUs, so no later one is let past it."""
    _slots: dict[str, _Slots] = field(default_factory=dict)
    """By Flink line."""

    def __post_init__(self) -> None:
        self.free_cus = self.cus

    def offered(self, job: Job) -> Offer:
        """Say what the cluster of a job has for it: nothing, if it asks for what is served no more."""
        try:
            return self.offer(job)
        except Invalid as error:
            return Offer(unfit=str(error))

    def take(self, job: Job) -> None:
        """Take off what a job holds, or will once it is submitted; raises `Invalid`."""
        need, offer = resources.need(job.config), self.offered(job)
        slots = self._slots_of(offer)
        self.free_cus -= need.cus
        slots.free -= need.slots
        if job.run is not None and job.run.id in offer.taken.by:
            slots.others -= need.slots

    def lack(self, job: Job) -> Lack | None:
        """Say what the job lacks; None lets it in."""
        offer = self.offered(job)
        try:
            need = resources.need(job.config)
        except Invalid as error:
            return Lack(str(error), for_ever=True)
        if offer.unfit is not None:
            return Lack(offer.unfit, for_ever=True)
        if offer.closed is not None:
            return Lack(f"waiting for queue {self.queue!r}: {offer.closed}", for_ever=False)
        if need.cus > self.cus or (offer.slots is not None and need.slots > offer.slots):
            has = f"queue {self.queue!r} has {_told(offer, self.cus, offer.slots)} in all"
            return Lack(f"{_needs(offer, need)}; {has}", for_ever=True)
        slots = self._slots_of(offer)
        free = max(0, slots.free - max(0, slots.others))
        self.waiting |= need.cus > self.free_cus
        slots.waiting |= offer.slots is not None and need.slots > free
        if self.waiting or slots.waiting:
            lacking = f"{_needs(offer, need)}, free are {_told(offer, max(0, self.free_cus), free)}"
            return Lack(f"waiting for room on queue {self.queue!r}: {lacking}", for_ever=False)
        return None

    def _slots_of(self, offer: Offer) -> _Slots:
        return self._slots.setdefault(offer.line, _Slots(offer.slots or 0, offer.taken.slots))


def _needs(offer: Offer, need: resources.Need) -> str:
    return "needs " + _told(offer, f"{need.cus} CUs", f"{need.slots} slots")


def _told(offer: Offer, cus: object, slots: object) -> str:
    return f"{cus}" if offer.slots is None else f"{cus} and {slots}"
