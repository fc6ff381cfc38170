"""What a job still needs of the state in the buckets, and what is said of state that is gone."""

import re
from dataclasses import replace

from penstock.domain.job import Goal, Job, Status

_OF_A_RUN = re.compile(r"/([0-9a-f]{32})/chk-[0-9]+/$")


def is_superseded(job: Job, checkpoints: str) -> bool:
    """Say whether nobody needs the checkpoints of the job's run that lie in this folder any more.

    The next run must have one of its own, or the job must have come to rest with newer state. Every run begins in
    the mode NO_CLAIM, in which the first checkpoint is complete in itself (Flink: Savepoints).
    The files of deleted jobs are kept.
    """
    if job.deleted_at is not None or any(state.startswith(checkpoints) for state in _needed(job)):
        return False
    if job.run is None:
        return job.status is Status.FINISHED or job.newest_state is not None
    return job.run.checkpoints != checkpoints and job.run.checkpoint is not None


def _needed(job: Job) -> list[str]:
    """Name the state that the job may go on from."""
    states = (job.savepoint.path if job.savepoint else None, job.newest_state or job.restore_point)
    return [state for state in states if state is not None]


def run_of(state: str) -> str | None:
    """Give the run that has written a checkpoint; None for any other state."""
    found = _OF_A_RUN.search(state)
    return found[1] if found else None


def is_on_its_way(job: Job) -> bool:
    """Say whether a run is about to start; should its state be missing, Flink's refusal tells."""
    return job.goal is not Goal.REST and not (job.run is not None and job.run.ran)


def without_savepoint(job: Job) -> Job:
    """Take a savepoint off the record whose files are gone.

    A resume that has no other state still names it, and so fails: to begin from nothing, a user must ask for that.
    """
    lost = job.savepoint.path if job.savepoint else None
    has_none = job.goal is Goal.REST and job.newest_state is None and job.restore_point is None
    return replace(job, savepoint=None, restore_point=lost if has_none else job.restore_point)
