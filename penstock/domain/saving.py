"""The savepoint that was asked for: what becomes of a job that writes one, ends with one, or gets none."""

from dataclasses import replace

from penstock.domain import ending
from penstock.domain.ending import NewId
from penstock.domain.engine import Alive, Ended, Ending, SavepointRunning, SavepointWritten
from penstock.domain.job import Goal, Job, SavepointRequest, Status

AFTERWARDS = {Goal.RUN: Status.RUNNING, Goal.WATCH: Status.CANCEL_FAILED}
"""What a job is once the savepoint is written, or has failed."""


def ends_with_it(job: Job) -> bool:
    """Say whether the job is to end with the savepoint that was asked for."""
    return moves(job) or job.goal is Goal.STOP_WITH_SAVEPOINT


def moves(job: Job) -> bool:
    return job.savepoint_request is not None and job.savepoint_request.moves


def is_overdue(request: SavepointRequest, now: int) -> bool:
    return request.give_up_at is not None and now >= request.give_up_at and not request.moves


def too_long(request: SavepointRequest) -> str:
    allowed_s = ((request.give_up_at or 0) - request.requested_at) // 1000
    return f"it has taken longer than the {allowed_s} s that it may take"


def ended(job: Job, seen: Ended, now: int, new_id: NewId) -> Job | None:
    """Say what becomes of a job that ended while a savepoint was asked for; None: what it would become without."""
    request = job.savepoint_request
    assert request is not None
    if not ends_with_it(job):
        return None
    match seen:
        case Ended(how=how, savepoint=SavepointWritten()) if how is Ending.FINISHED or not request.moves:
            return saved(job, seen.ended_at, now, new_id)
        case Ended(savepoint=SavepointRunning()) if not is_overdue(request, now):
            return job  # the job has ended, and Flink has yet to say whether with its savepoint
        case Ended(how=Ending.FINISHED, savepoint=SavepointRunning() | None) if request.sent:
            lost = "stopped, and its savepoint is not to be found"
            return ending.settle(job, Status.EXCEPTION, lost, seen.ended_at)
        case Ended(how=Ending.FINISHED):
            early = "finished by itself before the savepoint was written"
            return ending.settle(job, Status.FINISHED, early, seen.ended_at)
    return None


def saved(job: Job, ended_at: int, now: int, new_id: NewId) -> Job:
    """Bring a job to rest that has stopped with its savepoint, or let it go on from there if it only moves."""
    if job.goal is Goal.STOP_WITH_SAVEPOINT:
        return ending.settle(job, Status.CANCELLED, "", ended_at)
    return ending.moved(job, now, new_id)


def given_up(job: Job, request: SavepointRequest, cause: str) -> Job:
    """Wait no longer; once Flink was asked, though, the job may still stop with it, and leave no other state."""
    if not request.sent or not ends_with_it(job):
        return failed(job, cause)
    return job if request.moves else replace(failed(job, cause), savepoint_request=request)


def failed(job: Job, cause: str) -> Job:
    """Go on without it; a stop has failed with it, and its job is only watched from here on."""
    if job.goal is Goal.RUN and moves(job):
        return replace(job, savepoint_request=None)  # nobody asked for it; the job moves without
    job = replace(job, savepoint_request=None, reason=f"the savepoint failed: {cause}")
    if job.goal is Goal.STOP_WITH_SAVEPOINT:
        return replace(job, goal=Goal.WATCH, status=Status.CANCEL_FAILED, reason=f"not stopped, {job.reason}")
    return replace(job, status=AFTERWARDS.get(job.goal, job.status))


def may_lie_there(job: Job, seen: Ended) -> bool:
    """Say whether a job may have stopped with a savepoint that is yet to be found, and has left no other state."""
    asked = job.savepoint_request is not None and job.savepoint_request.sent
    return asked and seen.how is Ending.FINISHED and isinstance(seen.savepoint, SavepointRunning)


def is_known(request: SavepointRequest, seen: Alive, patience_ms: int) -> bool:
    """Say whether it is known what has become of the stop that was given up."""
    if seen.savepoint is None:
        since = max(request.requested_at, request.give_up_at or 0, seen.answering_since)
        return seen.sent_at - since >= patience_ms
    return not isinstance(seen.savepoint, SavepointRunning)
