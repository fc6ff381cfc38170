"""What is remembered of a look, whatever the goal: Flink will have forgotten much of it when it is needed."""

from dataclasses import replace

from penstock.domain.engine import Absent, Alive, Ended, Ending, Full, Gone, SavepointWritten
from penstock.domain.job import Execution, Goal, Job, Run, Savepoint, SavepointOrigin

HOUR_MS = 3_600_000


def learn(job: Job, seen: Absent | Gone | Full | Alive | Ended, now: int) -> Job:
    """Keep what was seen of `job.run` at `now`."""
    run = job.run
    if run is None or isinstance(seen, Full):
        return job
    if isinstance(seen, Absent | Gone):
        return _left_behind(job, run, seen)
    more_restarts = max(0, seen.restarts - run.flink_restarts)
    job = replace(
        job,
        run=replace(
            run,
            seen=True,
            ran=run.ran or (seen.all_running if isinstance(seen, Alive) else seen.ran),
            missing_since=None,
            flink_restarts=run.flink_restarts + more_restarts,
            checkpoint=seen.checkpoint or run.checkpoint,
            doomed=run.doomed or _doom(job, run, seen),
        ),
        newest_state=seen.checkpoint if seen.checkpoint not in (None, run.checkpoint) else job.newest_state,
        restart_count=job.restart_count + more_restarts,
        restarts=recent_restarts(job, now) + (now,) * more_restarts if more_restarts else job.restarts,
        execution_plan=seen.plan or job.execution_plan,
        execution=_execution(run, seen) or job.execution,
    )
    job = _started(_savepoint_kept(job, seen), seen.started_at)
    if isinstance(seen, Ended) and seen.how is Ending.FINISHED:  # then Flink deletes its checkpoints
        job = replace(job, newest_state=_saved_by_end(job, seen), restore_point=None)
    return job


def _execution(run: Run, seen: Alive | Ended) -> Execution | None:
    ended_at = seen.ended_at if isinstance(seen, Ended) else None
    return Execution(run.id, seen.name, seen.state, seen.started_at, ended_at) if seen.state else None


def _saved_by_end(job: Job, seen: Ended) -> str | None:
    if job.savepoint_request is not None and isinstance(seen.savepoint, SavepointWritten):
        return seen.savepoint.path
    return job.savepoint.path if job.savepoint else None


def _left_behind(job: Job, run: Run, seen: Absent | Gone) -> Job:
    """Keep what a run has written that Flink does not show; a complete checkpoint says that it ran."""
    if seen.checkpoint is not None:
        run = replace(run, seen=True, ran=True, checkpoint=seen.checkpoint)
        job = replace(job, run=run, newest_state=seen.checkpoint)
    return _started(_savepoint_kept(job, seen), run.sent_at)


def _doom(job: Job, run: Run, seen: Alive | Ended) -> str | None:
    """Say why a run will never be what it was to be: it cannot be restored, or fails before it ever ran."""
    if run.ran or (isinstance(seen, Alive) and seen.all_running):
        return None
    if seen.restore_failed:
        return f"cannot be restored from {run.resume_from}: {seen.cause or 'Flink gives no cause'}"
    return seen.cause if isinstance(seen, Alive) and job.started_at is None else None


def _started(job: Job, at: int) -> Job:
    """Once all tasks run, the life has begun; the savepoint of a stop has then served (DLI: run)."""
    if job.started_at is not None or job.run is None or not job.run.ran:
        return job
    used_up = job.savepoint is not None and job.savepoint.origin is SavepointOrigin.STOP
    return replace(job, started_at=at, savepoint=None if used_up else job.savepoint)


def _savepoint_kept(job: Job, seen: Absent | Gone | Alive | Ended) -> Job:
    """Keep a savepoint that is complete; a restart prefers the run's checkpoints, as Flink's own restarts do.

    One that the job did not end with lies behind the checkpoints since, whose output is out already.
    """
    request = job.savepoint_request
    if request is None or not isinstance(seen.savepoint, SavepointWritten):
        return job
    path = seen.savepoint.path
    if request.moves:  # unless it is the end of the run, whose checkpoints Flink has deleted then, it is no news
        has_ended = isinstance(seen, Absent | Gone) and seen.checkpoint is None
        return replace(job, newest_state=path) if has_ended else job
    if job.savepoint is not None and job.savepoint.path == path:
        return job
    stopping = job.goal is Goal.STOP_WITH_SAVEPOINT
    has_checkpoint = job.run is not None and job.run.checkpoint is not None
    return replace(
        job,
        savepoint=Savepoint(path, SavepointOrigin.STOP if stopping else SavepointOrigin.REQUEST),
        newest_state=job.newest_state if has_checkpoint and not stopping else path,
    )


def recent_restarts(job: Job, now: int) -> tuple[int, ...]:
    """Give the times of the restarts that count against the hourly budget, Flink's own and ours."""
    return tuple(at for at in job.restarts if now - at < HOUR_MS)
