"""The life of a job: the only place that knows how a job lives.

`decide` says what the job becomes, and what to do to the engine, given what was seen there. Each pass over a job is
four verbs: look, decide, record, act. The rules that keep a job from being lost, doubled or misreported are told in
docs/lifecycle.md; the crash simulation of the tests breaks when any one of them is taken away.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from penstock.domain.engine import (
    Absent,
    Action,
    Alive,
    Cancel,
    Ended,
    Ending,
    Full,
    Observation,
    Refusal,
    SavepointFailed,
    SavepointWritten,
    StopWithSavepoint,
    Submit,
    TriggerSavepoint,
    Unreachable,
)
from penstock.domain.job import Goal, Job, Run, Savepoint, SavepointOrigin, Status

SUBMIT_RETRY_MS = 30_000
"""How long a submission that does not show up is sent again."""
SUBMIT_WINDOW_MS = 60_000
"""How long one may still land; only after that is an absent job surely not there."""
CANCEL_WINDOW_MS = 300_000
"""How long a cancel may take before the job is `job_cancel_fail`, and stays watched."""
MISSING_GRACE_MS = 30_000
"""How long Flink may not show a job that ran before it counts as lost (a JobManager may be recovering it)."""
RESTART_DELAY_MS = 10_000
HOUR_MS = 3_600_000

NewId = Callable[[], str]
"""Makes ids as Flink wants them for jobs and triggers: 32 hexadecimal digits."""


@dataclass(frozen=True)
class Step:
    """What the job becomes, and what to do once that is stored."""

    job: Job
    action: Action | None = None


def decide(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    """Say what the job becomes, and what to do to the engine, given what was seen of `job.run`."""
    if job.goal is Goal.REST or isinstance(seen, Unreachable):
        return Step(job)
    if isinstance(seen, Refusal):
        return Step(_refused(job, seen, now))
    if seen.sent_at <= job.written_at <= now:  # sent before the row was written: it may not know of our last act
        return Step(job)
    job = _learn(job, seen, now)
    match job.goal:
        case Goal.RUN:
            return _drive(job, seen, now, new_id)
        case Goal.STOP_WITH_SAVEPOINT:
            return _stop_with_savepoint(job, seen, now, new_id)
        case Goal.WATCH:
            return _watch(job, seen, now)
        case _:
            return _wind_down(job, seen, now)


# --- what was seen is remembered, whatever the goal ---


def _learn(job: Job, seen: Absent | Full | Alive | Ended, now: int) -> Job:
    """Keep what Flink will have forgotten by the time it is needed."""
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
            doomed=run.doomed or _doom(run, seen),
        ),
        newest_state=seen.checkpoint if seen.checkpoint not in (None, run.checkpoint) else job.newest_state,
        restart_count=job.restart_count + more_restarts,
        restarts=_recent(job, now) + (now,) * more_restarts if more_restarts else job.restarts,
        execution_plan=seen.plan or job.execution_plan,
    )
    job = _started(_savepoint_kept(job, seen), seen)
    if isinstance(seen, Ended) and seen.how is Ending.FINISHED:  # then Flink deletes its checkpoints
        job = replace(job, newest_state=job.savepoint.path if job.savepoint else None)
    return job


def _doom(run: Run, seen: Alive | Ended) -> str | None:
    if run.ran or not seen.restore_failed:
        return None
    return f"cannot be restored from {run.resume_from}: {seen.cause or 'Flink gives no cause'}"


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


# --- goal: run ---


def _drive(job: Job, seen: Absent | Full | Alive | Ended, now: int, new_id: NewId) -> Step:
    match seen:
        case Full(for_ever=True):
            return Step(_settle(job, Status.SUBMIT_FAILED, seen.reason, now))
        case Full():
            return Step(replace(job, reason=seen.reason))
        case Absent():
            return _drive_absent(job, seen, now, new_id)
        case Alive():
            return _drive_alive(job, seen)
        case Ended():
            return _drive_ended(job, seen, new_id)


def _drive_absent(job: Job, seen: Absent, now: int, new_id: NewId) -> Step:
    run = job.run
    if run is None:
        return _submit(replace(job, reason=""), Run(new_id(), now, job.restore_point))
    if run.seen:
        job, lost = _missing(job, run, seen, now)
        return _failed(job, "Flink no longer has this job", now, new_id) if lost else Step(job)
    if run.attempts == 0:  # a restart; its window opens when it is first sent
        return _submit(job, replace(run, submit_at=now)) if run.submit_at <= now else Step(job)
    waited = now - max(run.submit_at, seen.answering_since)
    if waited < SUBMIT_WINDOW_MS:
        return Step(job) if run.refused or waited >= SUBMIT_RETRY_MS else _submit(job, run)
    if run.refused:
        return Step(_settle(job, _failure_status(job), run.refused, now))
    return _failed(job, f"Flink has not taken the job within {SUBMIT_WINDOW_MS // 1000} s", now, new_id)


def _submit(job: Job, run: Run) -> Step:
    """Send the run, after the attempt was counted."""
    job = replace(job, run=replace(run, attempts=run.attempts + 1))
    return Step(job, Submit(job))


def _drive_alive(job: Job, seen: Alive) -> Step:
    run = job.run
    assert run is not None
    if run.doomed:
        return Step(job) if seen.cancelling else Step(job, Cancel(run.id))
    if seen.cancelling:
        return Step(replace(job, status=Status.CANCELING, reason="being cancelled in Flink"))
    if job.savepoint_request is not None:
        return _savepoint_while_running(job, seen, back_to=Status.RUNNING)
    return Step(_healthy_or_restarting(job, run, seen))


def _healthy_or_restarting(job: Job, run: Run, seen: Alive) -> Job:
    if seen.all_running:
        at_ease = job.status is Status.RUNNING and not run.troubled
        reason = job.reason if at_ease else ""
        return replace(job, status=Status.RUNNING, reason=reason, run=replace(run, troubled=False))
    if run.ran and seen.cause:
        return replace(job, reason=seen.cause, run=replace(run, troubled=True))
    return job


def _savepoint_while_running(job: Job, seen: Alive, back_to: Status) -> Step:
    assert job.run is not None
    assert job.savepoint_request is not None
    match seen.savepoint:
        case SavepointWritten():
            return Step(replace(job, status=back_to, reason="", savepoint_request=None))
        case SavepointFailed(cause):
            reason = f"the savepoint failed: {cause}"
            return Step(replace(job, status=back_to, reason=reason, savepoint_request=None))
        case None if seen.all_running:
            return Step(job, TriggerSavepoint(job.run.id, job.savepoint_request))
    return Step(job)


def _drive_ended(job: Job, seen: Ended, new_id: NewId) -> Step:
    assert job.run is not None
    match seen.how:
        case _ if job.run.doomed:
            return Step(_settle(job, _failure_status(job), job.run.doomed, seen.ended_at))
        case Ending.FINISHED:
            return Step(_settle(job, Status.FINISHED, "", seen.ended_at))
        case Ending.CANCELED:
            return Step(_settle(job, Status.CANCELLED, "cancelled in Flink, not through this API", seen.ended_at))
        case Ending.FAILED:
            cause = seen.cause or "Flink reports the job as FAILED and gives no cause"
            return _failed(job, cause, seen.ended_at, new_id)


def _failed(job: Job, cause: str, at: int, new_id: NewId) -> Step:
    """Restart a job that ran and is gone, under a new id, as far as its flags allow."""
    assert job.run is not None
    if job.run.doomed or job.started_at is None or not _may_restart(job, at):
        return Step(_settle(job, _failure_status(job), job.run.doomed or cause, at))
    resume_from = (job.newest_state or job.restore_point) if job.config.restart_from_checkpoint else None
    savepointing = job.goal is Goal.STOP_WITH_SAVEPOINT
    return Step(
        replace(
            job,
            status=Status.SAVEPOINTING if savepointing else Status.RUNNING,
            reason=cause,
            savepoint_request=job.savepoint_request if savepointing else None,
            run=Run(new_id(), at + RESTART_DELAY_MS, resume_from, troubled=True),
            restart_count=job.restart_count + 1,
            restarts=(*_recent(job, at), at),
        )
    )


def _may_restart(job: Job, now: int) -> bool:
    """Say whether the hourly budget (DLI: `resume_max_num`) allows one more."""
    limit = job.config.restart_limit_per_hour
    return job.config.restart_on_failure and (limit < 0 or len(_recent(job, now)) < limit)


def _recent(job: Job, now: int) -> tuple[int, ...]:
    return tuple(at for at in job.restarts if now - at < HOUR_MS)


# --- goal: stop, delete, watch ---


def _stop_with_savepoint(job: Job, seen: Absent | Full | Alive | Ended, now: int, new_id: NewId) -> Step:
    match seen:
        case Alive():
            return _stop_alive_with_savepoint(job, seen)
        case Ended(savepoint=SavepointWritten()):
            return Step(_settle(job, Status.CANCELLED, "", seen.ended_at))
        case Ended(how=Ending.FINISHED):
            reason = "finished by itself before the savepoint was written"
            return Step(_settle(job, Status.FINISHED, reason, seen.ended_at))
    return _drive(job, seen, now, new_id)


def _stop_alive_with_savepoint(job: Job, seen: Alive) -> Step:
    assert job.run is not None
    assert job.savepoint_request is not None
    if job.run.doomed or seen.cancelling:
        return _drive_alive(job, seen)
    match seen.savepoint:
        case SavepointFailed(cause):
            reason = f"not stopped, the savepoint failed: {cause}"
            return Step(
                replace(
                    job,
                    goal=Goal.WATCH,
                    status=Status.CANCEL_FAILED,
                    reason=reason,
                    savepoint_request=None,
                )
            )
        case None if seen.all_running:
            return Step(job, StopWithSavepoint(job.run.id, job.savepoint_request))
    return Step(job)


def _wind_down(job: Job, seen: Absent | Full | Alive | Ended, now: int) -> Step:
    """Pursue a stop or a deletion until the job is surely gone."""
    match seen:
        case Alive():
            return _cancel(job, seen, now)
        case Absent() if job.run is not None:
            job, over = _gone(job, job.run, seen, now)
            return Step(_settle(job, Status.CANCELLED, "", now) if over else job)
        case Ended():
            return Step(_settle(job, Status.CANCELLED, "", seen.ended_at))
    return Step(_settle(job, Status.CANCELLED, "", now))


def _cancel(job: Job, seen: Alive, now: int) -> Step:
    assert job.run is not None
    waited = now - max(job.requested_at or 0, seen.answering_since)
    if job.goal is Goal.STOP and waited >= CANCEL_WINDOW_MS:
        reason = f"Flink has not ended the job within {CANCEL_WINDOW_MS // 1000} s"
        return Step(replace(job, goal=Goal.WATCH, status=Status.CANCEL_FAILED, reason=reason))
    return Step(job) if seen.cancelling else Step(job, Cancel(job.run.id))


def _gone(job: Job, run: Run, seen: Absent, now: int) -> tuple[Job, bool]:
    """Say whether an absent run will surely not appear (again)."""
    if run.seen:
        return _missing(job, run, seen, now)
    never_sent = run.attempts == 0
    return job, never_sent or now - max(run.submit_at, seen.answering_since) >= SUBMIT_WINDOW_MS


def _missing(job: Job, run: Run, seen: Absent, now: int) -> tuple[Job, bool]:
    """Say whether a run that Flink has shown is lost; the time it is away counts while Flink answers."""
    if run.missing_since is None:
        return replace(job, run=replace(run, missing_since=now)), False
    return job, now - max(run.missing_since, seen.answering_since) >= MISSING_GRACE_MS


def _watch(job: Job, seen: Absent | Full | Alive | Ended, now: int) -> Step:
    """Follow a job whose stop failed; only a new call does anything to it."""
    match seen:
        case Alive() if job.savepoint_request is not None:
            return _savepoint_while_running(job, seen, back_to=Status.CANCEL_FAILED)
        case Absent() if job.run is not None:
            job, over = _gone(job, job.run, seen, now)
            return Step(_settle(job, Status.CANCELLED, "", now) if over else job)
        case Ended():
            return Step(_settle(job, Status.CANCELLED, "", seen.ended_at))
    return Step(job)


# --- the end of a life ---


def _refused(job: Job, refusal: Refusal, now: int) -> Job:
    run = job.run
    if run is None or run.id != refusal.run_id or run.seen:
        return job  # news of an earlier run
    if refusal.state_missing and job.savepoint is not None and job.savepoint.path == run.resume_from:
        job = replace(job, savepoint=None)
    if run.attempts > 1:  # an earlier attempt may still land: nothing more is sent, and the window is waited out
        return replace(job, run=replace(run, refused=refusal.reason))
    if job.goal in (Goal.STOP, Goal.DELETE):
        return _settle(job, Status.CANCELLED, "", now)
    return _settle(job, _failure_status(job), refusal.reason, now)


def _failure_status(job: Job) -> Status:
    return Status.SUBMIT_FAILED if job.started_at is None else Status.EXCEPTION


def _settle(job: Job, status: Status, reason: str, ended_at: int) -> Job:
    """Bring the job to rest; nothing of it lives in Flink, and nothing can land there any more."""
    return replace(
        job,
        goal=Goal.REST,
        status=status,
        reason=reason,
        run=None,
        savepoint_request=None,
        ended_at=ended_at if job.started_at is not None else None,
    )
