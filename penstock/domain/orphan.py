"""An orphan: a living Flink job that no row explains. It is shown, and somebody may stop or adopt it."""

from dataclasses import dataclass, replace

from penstock.domain import calls
from penstock.domain.engine import Stranger
from penstock.domain.errors import NotAllowed
from penstock.domain.job import Job, Run, Status
from penstock.domain.queue import Isolation, Queue

NO_SCRIPT = "Flink does not tell the script of a job: this one runs on as it is, and needs one before it runs again"
_NAME_LENGTH = 57
_STATUSES = {"CREATED": Status.SUBMITTING, "INITIALIZING": Status.SUBMITTING, "CANCELLING": Status.CANCELING}
"""By Flink's state; any other is that of a job that runs, or has run and is in trouble."""


@dataclass(frozen=True)
class Orphan:
    stranger: Stranger
    queue: Queue
    first_seen_at: int
    is_to_stop: bool = False
    """Somebody has asked for its end; it is cancelled until it is gone."""


def adopted(job: Job, orphan: Orphan, now: int) -> Job:
    """Give a job at rest the orphan as its run; raises `NotAllowed`.

    The orphan counts as having run: whatever trouble it is in, adopting it does nothing to it.
    """
    stranger, queue = orphan.stranger, orphan.queue
    if orphan.is_to_stop:
        raise NotAllowed(f"Flink job {stranger.id} is being stopped")
    if queue.isolation is Isolation.JOB:
        raise NotAllowed(f"queue {queue.name} gives each job a cluster of its own: adopt nothing there, stop it")
    if job.queue != queue.name:
        raise NotAllowed(f"job {job.id} is on queue {job.queue}, and Flink job {stranger.id} on {queue.name}")
    if job.status not in calls.MAY_RUN:
        raise NotAllowed(f"job {job.id} is {job.status}; only a job at rest can be given a Flink job")
    return replace(
        calls.request_run(job, resume=False, now=now),
        status=_STATUSES.get(stranger.state, Status.RUNNING),
        started_at=stranger.started_at,
        run=Run(stranger.id, submit_at=now, cluster=stranger.cluster, attempts=1, sent_at=now, seen=True, ran=True),
    )


def name_for(stranger: Stranger) -> str:
    """Give the name of a job that is made for it, as names of jobs may be."""
    visible = "".join(each if each.isprintable() else " " for each in stranger.name)
    return visible[:_NAME_LENGTH].strip() or stranger.id
