"""The life of a job: the only place that knows how a job lives.

`decide` says what the job becomes, and what to do to the engine, given what was seen there. Each pass over a job is
four verbs: look, decide, record, act. The rules that keep a job from being lost, doubled or misreported are told in
docs/lifecycle.md; the crash simulation of the tests breaks when any one of them is taken away.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from penstock.domain import learning
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
    SavepointRefusal,
    SavepointRunning,
    SavepointWritten,
    StopWithSavepoint,
    Submit,
    TriggerSavepoint,
    Unanswered,
    Unreachable,
)
from penstock.domain.job import Goal, Job, Run, SavepointRequest, Status

SUBMIT_RETRY_MS = 30_000
"""How long a submission that does not show up is sent again."""
SUBMIT_AGAIN_MS = 2_000
"""How long to wait before it is sent again."""
SUBMIT_WINDOW_MS = 180_000
"""How long one may still land after it was last sent; longer than Flink is given to answer."""
SAVEPOINT_START_MS = 60_000
"""How long a savepoint waits for all tasks to run."""
CANCEL_WINDOW_MS = 300_000
"""How long a cancel may take before the job is `job_cancel_fail`, and stays watched."""
MISSING_GRACE_MS = 30_000
"""How long Flink may not show a job that ran before it counts as lost (a JobManager may be recovering it)."""
RESTART_DELAY_MS = 10_000

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
    if isinstance(seen, Refusal | Unanswered | SavepointRefusal):
        return Step(_told(job, seen, now))
    if seen.sent_at <= job.written_at <= now:  # sent before the row was written: it may not know of our last act
        return Step(job)
    job = learning.learn(job, seen, now)
    match job.goal:
        case Goal.RUN:
            return _drive(job, seen, now, new_id)
        case Goal.STOP_WITH_SAVEPOINT:
            return _stop_with_savepoint(job, seen, now, new_id)
        case Goal.WATCH:
            return _watch(job, seen, now)
        case _:
            return _wind_down(job, seen, now)


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
            return _drive_alive(job, seen, now)
        case Ended():
            return _drive_ended(job, seen, new_id)


def _drive_absent(job: Job, seen: Absent, now: int, new_id: NewId) -> Step:
    run = job.run
    if run is None:
        return _submit(replace(job, reason=""), Run(new_id(), now, job.restore_point), now)
    if run.seen:
        job, lost = _missing(job, run, seen)
        return _failed(job, "Flink no longer has this job", now, new_id) if lost else Step(job)
    if run.attempts == 0:  # a restart; its window opens when it is first sent
        return _submit(job, replace(run, submit_at=now), now) if run.submit_at <= now else Step(job)
    if _may_land(run, seen):
        retrying = now - max(run.submit_at, seen.answering_since) < SUBMIT_RETRY_MS and not run.refused
        return _submit(job, run, now) if retrying and now - run.sent_at >= SUBMIT_AGAIN_MS else Step(job)
    if run.refused:
        return Step(_settle(job, _failure_status(job), run.refused, now))
    trouble = f": {run.unanswered}" if run.unanswered else ""
    return _failed(job, f"Flink has not taken the job within {SUBMIT_WINDOW_MS // 1000} s{trouble}", now, new_id)


def _may_land(run: Run, seen: Absent) -> bool:
    """Say whether a submission that Flink has not shown may still have come to life there since the look."""
    return run.attempts > 0 and seen.sent_at - max(run.sent_at, seen.answering_since) < SUBMIT_WINDOW_MS


def _submit(job: Job, run: Run, now: int) -> Step:
    """Send the run, after the attempt was counted."""
    job = replace(job, run=replace(run, attempts=run.attempts + 1, sent_at=now))
    return Step(job, Submit(job))


def _drive_alive(job: Job, seen: Alive, now: int) -> Step:
    run = job.run
    assert run is not None
    if run.doomed:
        return Step(job) if seen.cancelling else Step(job, Cancel(run.id))
    if seen.cancelling:
        return Step(replace(job, status=Status.CANCELING, reason="being cancelled in Flink"))
    if job.savepoint_request is not None:
        return _savepoint(job, seen, now)
    return Step(_healthy_or_restarting(job, run, seen))


def _healthy_or_restarting(job: Job, run: Run, seen: Alive) -> Job:
    if seen.all_running:
        at_ease = job.status is Status.RUNNING and not run.troubled
        reason = job.reason if at_ease else ""
        return replace(job, status=Status.RUNNING, reason=reason, run=replace(run, troubled=False))
    if seen.cause:
        return replace(job, reason=seen.cause, run=replace(run, troubled=True))
    return job


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
            savepoint_request=_not_sent(job.savepoint_request) if savepointing else None,
            run=Run(new_id(), at + RESTART_DELAY_MS, resume_from, troubled=True),
            restart_count=job.restart_count + 1,
            restarts=(*learning.recent_restarts(job, at), at),
        )
    )


def _not_sent(request: SavepointRequest | None) -> SavepointRequest | None:
    return replace(request, sent=False) if request else None


def _may_restart(job: Job, now: int) -> bool:
    """Say whether the hourly budget (DLI: `resume_max_num`) allows one more."""
    limit = job.config.restart_limit_per_hour
    return job.config.restart_on_failure and (limit < 0 or len(learning.recent_restarts(job, now)) < limit)


# --- savepoints, alone or with a stop ---


def _savepoint(job: Job, seen: Alive, now: int) -> Step:
    """Pursue the savepoint that was asked for: trigger it, once all tasks run, and wait for what becomes of it."""
    run, request = job.run, job.savepoint_request
    assert run is not None
    assert request is not None
    match seen.savepoint:
        case SavepointWritten() if job.goal is not Goal.STOP_WITH_SAVEPOINT:
            return Step(replace(job, status=_UNLESS_SAVEPOINTING[job.goal], reason="", savepoint_request=None))
        case SavepointFailed(cause):
            return Step(_savepoint_failed(job, cause))
        case None | SavepointWritten() if seen.all_running:
            # Written, and yet the job runs: a stop that came to nothing at the last moment is asked for again.
            stops = job.goal is Goal.STOP_WITH_SAVEPOINT
            action = StopWithSavepoint(run.id, request) if stops else TriggerSavepoint(run.id, request)
            return Step(replace(job, savepoint_request=replace(request, sent=True)), action)
        case None if now - max(request.requested_at, run.submit_at, seen.answering_since) >= SAVEPOINT_START_MS:
            return Step(_savepoint_failed(job, seen.cause or "not all tasks of the job run"))
    return Step(job)


_UNLESS_SAVEPOINTING = {Goal.RUN: Status.RUNNING, Goal.WATCH: Status.CANCEL_FAILED}


def _savepoint_failed(job: Job, cause: str) -> Job:
    """Go on without it; a stop has failed with it, and its job is only watched from here on."""
    job = replace(job, savepoint_request=None, reason=f"the savepoint failed: {cause}")
    if job.goal is Goal.STOP_WITH_SAVEPOINT:
        return replace(job, goal=Goal.WATCH, status=Status.CANCEL_FAILED, reason=f"not stopped, {job.reason}")
    return replace(job, status=_UNLESS_SAVEPOINTING.get(job.goal, job.status))


# --- goal: stop, delete, watch ---


def _stop_with_savepoint(job: Job, seen: Absent | Full | Alive | Ended, now: int, new_id: NewId) -> Step:
    assert job.savepoint_request is not None
    match seen:
        case Ended(savepoint=SavepointWritten()):
            return Step(_settle(job, Status.CANCELLED, "", seen.ended_at))
        case Ended(savepoint=SavepointRunning()):
            return Step(job)  # the job has ended, and Flink has yet to say whether with its savepoint
        case Ended(how=Ending.FINISHED, savepoint=None) if job.savepoint_request.sent:
            reason = "stopped, and its savepoint is not to be found"
            return Step(_settle(job, Status.EXCEPTION, reason, seen.ended_at))
        case Ended(how=Ending.FINISHED):
            reason = "finished by itself before the savepoint was written"
            return Step(_settle(job, Status.FINISHED, reason, seen.ended_at))
    return _drive(job, seen, now, new_id)


def _wind_down(job: Job, seen: Absent | Full | Alive | Ended, now: int) -> Step:
    """Pursue a stop or a deletion until the job is surely gone."""
    match seen:
        case Alive():
            return _cancel(job, seen, now)
        case Absent() if job.run is not None:
            return Step(_unless_it_appears(job, job.run, seen, now))
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


def _unless_it_appears(job: Job, run: Run, seen: Absent, now: int) -> Job:
    """Bring a job to rest whose absent run will surely not appear (again)."""
    if run.seen:
        job, over = _missing(job, run, seen)
    else:
        over = not _may_land(run, seen)
    return _settle(job, Status.CANCELLED, "", now) if over else job


def _missing(job: Job, run: Run, seen: Absent) -> tuple[Job, bool]:
    """Say whether a run that Flink has shown is lost; the time it is away counts while Flink answers."""
    if run.missing_since is None:
        return replace(job, run=replace(run, missing_since=seen.sent_at)), False
    return job, seen.sent_at - max(run.missing_since, seen.answering_since) >= MISSING_GRACE_MS


def _watch(job: Job, seen: Absent | Full | Alive | Ended, now: int) -> Step:
    """Follow a job whose stop failed; only a new call does anything to it."""
    match seen:
        case Alive() if job.savepoint_request is not None:
            return _savepoint(job, seen, now)
        case Absent() if job.run is not None:
            return Step(_unless_it_appears(job, job.run, seen, now))
        case Ended():
            return Step(_settle(job, Status.CANCELLED, "", seen.ended_at))
    return Step(job)


# --- what an act was told ---


def _told(job: Job, told: Refusal | Unanswered | SavepointRefusal, now: int) -> Job:
    match told:
        case Refusal():
            return _refused(job, told, now)
        case Unanswered():
            return _unanswered(job, told)
        case SavepointRefusal():
            return _savepoint_refused(job, told)


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


def _unanswered(job: Job, seen: Unanswered) -> Job:
    run = job.run
    if run is None or run.id != seen.run_id or run.seen:
        return job
    return replace(job, reason=seen.reason, run=replace(run, unanswered=seen.reason))


def _savepoint_refused(job: Job, refusal: SavepointRefusal) -> Job:
    wanted = job.savepoint_request is not None and job.savepoint_request.trigger_id == refusal.trigger_id
    return _savepoint_failed(job, refusal.reason) if wanted else job


# --- the end of a life ---


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
