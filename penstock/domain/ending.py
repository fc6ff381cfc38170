"""How a run ends: the job comes to rest, or goes on in another run under a new id."""

from collections.abc import Callable
from dataclasses import replace

from penstock.domain import learning
from penstock.domain.engine import Gone
from penstock.domain.job import Goal, Job, Run, SavepointRequest, Status

RESTART_DELAY_MS = 10_000
LOST_MOST = 3
"""How many clusters may die under a job before it ever ran; it may be what kills them."""

NewId = Callable[[], str]
"""Makes ids as Flink wants them for jobs and triggers: 32 hexadecimal digits."""


def settle(job: Job, status: Status, reason: str, ended_at: int) -> Job:
    """Bring the job to rest; nothing of it lives in Flink, and nothing can land there any more."""
    return replace(
        job,
        goal=Goal.REST,
        status=status,
        reason=reason,
        run=None,
        savepoint_request=None,
        unreachable_since=None,
        ended_at=ended_at if job.started_at is not None else None,
    )


def failure_status(job: Job) -> Status:
    return Status.SUBMIT_FAILED if job.started_at is None else Status.EXCEPTION


def failed(job: Job, cause: str, at: int, new_id: NewId, *, delay_ms: int = RESTART_DELAY_MS) -> Job:
    """Restart a job that ran and is gone, under a new id, as far as its flags allow."""
    assert job.run is not None
    if job.run.doomed or job.started_at is None or not _may_restart(job, at):
        return settle(job, failure_status(job), job.run.doomed or cause, at)
    state = _newest_state(job) if job.config.restart_from_checkpoint else None
    job = replace(
        job,
        restart_count=job.restart_count + 1,
        restarts=(*learning.recent_restarts(job, at), at),
    )
    return _goes_on(job, Run(new_id(), at + delay_ms, state), cause)


def gone(job: Job, seen: Gone, now: int, new_id: NewId) -> Job:
    """Go on elsewhere after the job's cluster has died, or was ended by us, which counts as no restart."""
    run = job.run
    assert run is not None
    if run.refused or run.doomed:
        return settle(job, failure_status(job), run.doomed or run.refused or "", now)
    if _had_stopped_to_move(job, seen):
        return moved(job, now, new_id)
    if job.started_at is None:
        return _submitted_anew(job, run, seen, now, new_id)
    if not seen.planned:
        return failed(job, seen.reason, now, new_id, delay_ms=0)
    state = _newest_state(job)
    if state is None and not job.config.restart_on_failure:
        return settle(job, Status.EXCEPTION, f"{seen.reason}, and the job has no checkpoint to go on from", now)
    return _goes_on(job, Run(new_id(), now, state), seen.reason)


def moved(job: Job, now: int, new_id: NewId) -> Job:
    """Go on from the savepoint that the job has stopped with, on another cluster."""
    return _goes_on(job, Run(new_id(), now, _newest_state(job)), "being moved to another cluster")


def _had_stopped_to_move(job: Job, seen: Gone) -> bool:
    """Say whether it was over before its cluster was: Flink deletes the checkpoints of a job that stops."""
    moves = job.goal is Goal.RUN and job.savepoint_request is not None and job.savepoint_request.moves
    return moves and seen.savepoint is not None and seen.checkpoint is None


def _submitted_anew(job: Job, run: Run, seen: Gone, now: int, new_id: NewId) -> Job:
    lost = run.lost if seen.planned else run.lost + 1
    if lost >= LOST_MOST:
        reason = f"{seen.reason}; {lost} clusters in turn have died before the job ran"
        return settle(job, Status.SUBMIT_FAILED, reason, now)
    return replace(job, run=Run(new_id(), now, run.resume_from, lost=lost))


def _goes_on(job: Job, run: Run, reason: str) -> Job:
    savepointing = job.goal is Goal.STOP_WITH_SAVEPOINT
    return replace(
        job,
        status=Status.SAVEPOINTING if savepointing else Status.RUNNING,
        reason=reason,
        savepoint_request=_not_sent(job.savepoint_request) if savepointing else None,
        run=replace(run, troubled=True),
    )


def _not_sent(request: SavepointRequest | None) -> SavepointRequest | None:
    return replace(request, sent=False) if request else None


def _newest_state(job: Job) -> str | None:
    return job.newest_state or job.restore_point


def _may_restart(job: Job, now: int) -> bool:
    """Say whether the hourly budget (DLI: `resume_max_num`) allows one more."""
    limit = job.config.restart_limit_per_hour
    return job.config.restart_on_failure and (limit < 0 or len(learning.recent_restarts(job, now)) < limit)
