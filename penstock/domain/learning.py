"""What is remembered of a look, whatever the goal: Flink will have forgotten much of it when it is needed."""

from dataclasses import replace

from penstock.domain.engine import Absent, Alive, Ended, Ending, Full, SavepointWritten
from penstock.domain.job import Goal, Job, Run, Savepoint, SavepointOrigin

HOUR_MS = 3_600_000


def learn(job: Job, seen: Absent | Full | Alive | Ended, now: int) -> Job:
    """Keep what was seen of `job.run` at `now`."""
    run = job.run
    if run is None or isinstance(seen, Absent | Full):
        return job
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
    )
    job = _started(_savepoint_kept(job, seen), seen)
    if isinstance(seen, Ended) and seen.how is Ending.FINISHED:  # then Flink deletes its checkpoints
        job = replace(job, newest_state=job.savepoint.path if job.savepoint else None, restore_point=None)
    return job


def _doom(job: Job, run: Run, seen: Alive | Ended) -> str | None:
    """Say why a run will never be what it was to be: it cannot be restored, or fails before it ever ran."""
    if run.ran or (isinstance(seen, Alive) and seen.all_running):
        return None
    if seen.restore_failed:
        return f"cannot be restored from {run.resume_from}: {seen.cause or 'Flink gives no cause'}"
    return seen.cause if isinstance(seen, Alive) and job.started_at is None else None


def _started(job: Job, seen: Alive | Ended) -> Job:
    """Once all tasks run, the life has begun; the savepoint of a stop has then served (DLI: run)."""
    if job.started_at is not None or job.run is None or not job.run.ran:
        return job
    used_up = job.savepoint is not None and job.savepoint.origin is SavepointOrigin.STOP
    return replace(job, started_at=seen.started_at, savepoint=None if used_up else job.savepoint)


def _savepoint_kept(job: Job, seen: Alive | Ended) -> Job:
    if job.savepoint_request is None or not isinstance(seen.savepoint, SavepointWritten):
        return job
    stopping = job.goal is Goal.STOP_WITH_SAVEPOINT
    origin = SavepointOrigin.STOP if stopping else SavepointOrigin.REQUEST
    path = seen.savepoint.path
    if job.savepoint is not None and job.savepoint.path == path:
        return job
    return replace(job, savepoint=Savepoint(path, origin), newest_state=path)


def recent_restarts(job: Job, now: int) -> tuple[int, ...]:
    """Give the times of the restarts that count against the hourly budget, Flink's own and ours."""
    return tuple(at for at in job.restarts if now - at < HOUR_MS)
