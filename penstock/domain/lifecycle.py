"""The life of a job: the only place that knows how a job lives.

`decide` says what the job becomes, and what to do to the engine, given what was seen there. Each pass over a job is
four verbs: look, decide, record, act. The rules that keep a job from being lost, doubled or misreported are told in
docs/lifecycle.md; the crash simulation of the tests breaks when any one of them is taken away.
"""

from dataclasses import dataclass, replace

from penstock.domain import bucket, ending, learning, saving
from penstock.domain.ending import NewId
from penstock.domain.engine import (
    Absent,
    Action,
    Alive,
    Cancel,
    Ended,
    Ending,
    Full,
    Gone,
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
from penstock.domain.job import Goal, Job, Run, Status

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
UNREACHABLE_AFTER_MS = 5_000
"""How long a cluster may be silent before its jobs' rows say so."""

_Seen = Absent | Gone | Full | Alive | Ended


@dataclass(frozen=True)
class Step:
    """What the job becomes, and what to do once that is stored."""

    job: Job
    action: Action | None = None


def decide(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    """Say what the job becomes, and what to do to the engine, given what was seen of `job.run`."""
    if job.goal is Goal.REST:
        return Step(job)
    if isinstance(seen, Unreachable):
        return Step(_unseen(job, seen, now))
    if isinstance(seen, Refusal | Unanswered | SavepointRefusal):
        return Step(_told(job, seen, now))
    if seen.sent_at <= job.written_at <= now:  # sent before the row was written: it may not know of our last act
        return Step(job)
    job = learning.learn(_reached(job), seen, now)
    match job.goal:
        case Goal.RUN:
            return _drive(job, seen, now, new_id)
        case Goal.STOP_WITH_SAVEPOINT:
            return _stop_with_savepoint(job, seen, now, new_id)
        case Goal.WATCH:
            return _watch(job, seen, now)
        case _:
            return _wind_down(job, seen, now)


def _unseen(job: Job, seen: Unreachable, now: int) -> Job:
    """Keep what was last known, and say since when it is no more than that; what was never sent can end at once."""
    if job.goal in (Goal.STOP, Goal.DELETE) and (job.run is None or job.run.attempts == 0):
        return ending.settle(job, Status.CANCELLED, "", now)
    if job.unreachable_since is not None or seen.since is None or now - seen.since < UNREACHABLE_AFTER_MS:
        return job
    return replace(job, unreachable_since=seen.since)


def _reached(job: Job) -> Job:
    return job if job.unreachable_since is None else replace(job, unreachable_since=None)


# --- goal: run ---


def _drive(job: Job, seen: _Seen, now: int, new_id: NewId) -> Step:
    match seen:
        case Full() if job.run is not None:
            return Step(job)
        case Full(for_ever=True):
            return Step(ending.settle(job, Status.SUBMIT_FAILED, seen.reason, now))
        case Full():
            return Step(replace(job, reason=seen.reason))
        case Absent():
            return _drive_absent(job, seen, now, new_id)
        case Gone():
            return Step(ending.gone(job, seen, now, new_id))
        case Alive():
            return _drive_alive(job, seen, now)
        case Ended():
            return _drive_ended(job, seen, now, new_id)


def _drive_absent(job: Job, seen: Absent, now: int, new_id: NewId) -> Step:
    run = job.run
    if run is None:
        return _submit(replace(job, reason=""), Run(new_id(), now, job.restore_point), seen, now)
    if run.seen:
        job, lost = _missing(job, run, seen)
        return Step(ending.failed(job, "Flink no longer has this job", now, new_id) if lost else job)
    if run.attempts == 0:  # a restart; its window opens when it is first sent
        return _submit(job, replace(run, submit_at=now), seen, now) if run.submit_at <= now else Step(job)
    if _may_land(run, seen):
        retrying = now - max(run.submit_at, seen.answering_since) < SUBMIT_RETRY_MS and not run.refused
        return _submit(job, run, seen, now) if retrying and now - run.sent_at >= SUBMIT_AGAIN_MS else Step(job)
    if run.refused:
        return Step(ending.settle(job, ending.failure_status(job), run.refused, now))
    trouble = f": {run.unanswered}" if run.unanswered else ""
    late = f"Flink has not taken the job within {SUBMIT_WINDOW_MS // 1000} s{trouble}"
    return Step(ending.failed(job, late, now, new_id))


def _may_land(run: Run, seen: Absent) -> bool:
    """Say whether a submission that Flink has not shown may still have come to life there since the look."""
    return run.attempts > 0 and seen.sent_at - max(run.sent_at, seen.answering_since) < SUBMIT_WINDOW_MS


def _submit(job: Job, run: Run, seen: Absent, now: int) -> Step:
    """Send the run to the cluster that has answered, after the attempt was counted."""
    if run.attempts == 0:
        run = replace(run, cluster=seen.cluster, checkpoints=f"{bucket.checkpoint_path(job)}{run.id}/")
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


def _drive_ended(job: Job, seen: Ended, now: int, new_id: NewId) -> Step:
    assert job.run is not None
    match seen.how:
        case _ if job.run.doomed:
            return Step(ending.settle(job, ending.failure_status(job), job.run.doomed, seen.ended_at))
        case _ if job.savepoint_request is not None and (ended := saving.ended(job, seen, now, new_id)):
            return Step(ended)
        case Ending.FINISHED:
            return Step(ending.settle(job, Status.FINISHED, "", seen.ended_at))
        case Ending.CANCELED:
            elsewhere = "cancelled in Flink, not through this API"
            return Step(ending.settle(job, Status.CANCELLED, elsewhere, seen.ended_at))
        case Ending.FAILED:
            cause = seen.cause or "Flink reports the job as FAILED and gives no cause"
            return Step(ending.failed(job, cause, seen.ended_at, new_id))


# --- savepoints, alone or with a stop ---


def _savepoint(job: Job, seen: Alive, now: int) -> Step:
    """Pursue the savepoint that was asked for: trigger it, once all tasks run, and wait for what becomes of it."""
    run, request = job.run, job.savepoint_request
    assert run is not None
    assert request is not None
    stops = saving.ends_with_it(job)
    waited = seen.sent_at - max(request.requested_at, run.submit_at, seen.answering_since)
    match seen.savepoint:
        case SavepointWritten() if not stops:
            return Step(replace(job, status=saving.AFTERWARDS[job.goal], reason="", savepoint_request=None))
        case SavepointFailed(cause):
            return Step(saving.failed(job, cause))
        case None | SavepointRunning() if saving.is_overdue(request, now):
            return Step(saving.given_up(job, request, saving.too_long(request)))
        case None | SavepointWritten() if seen.all_running:
            # Written, and yet the job runs: a stop that came to nothing at the last moment is asked for again.
            action = StopWithSavepoint(run.id, request) if stops else TriggerSavepoint(run.id, request)
            return Step(replace(job, savepoint_request=replace(request, sent=True)), action)
        case None if waited >= SAVEPOINT_START_MS:
            return Step(saving.given_up(job, request, seen.cause or "not all tasks of the job run"))
    return Step(job)


# --- goal: stop, delete, watch ---


def _stop_with_savepoint(job: Job, seen: _Seen, now: int, new_id: NewId) -> Step:
    match seen:
        case Gone(savepoint=SavepointWritten()):
            return Step(saving.saved(job, now, now, new_id))
        case Absent(savepoint=SavepointWritten()) if job.run is not None:
            job, lost = _missing(job, job.run, seen)
            return Step(saving.saved(job, now, now, new_id) if lost else job)
    return _drive(job, seen, now, new_id)


def _wind_down(job: Job, seen: _Seen, now: int) -> Step:
    """Pursue a stop or a deletion until the job is surely gone."""
    match seen:
        case Alive():
            return _cancel(job, seen)
        case Absent() if job.run is not None:
            return Step(_unless_it_appears(job, job.run, seen, now))
        case Ended() if job.goal is Goal.STOP and saving.may_lie_there(job, seen):
            return Step(job)
        case Ended():
            return Step(ending.settle(job, Status.CANCELLED, "", seen.ended_at))
    return Step(ending.settle(job, Status.CANCELLED, "", now))


def _cancel(job: Job, seen: Alive) -> Step:
    assert job.run is not None
    waited = seen.sent_at - max(job.requested_at or 0, seen.answering_since)
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
    return ending.settle(job, Status.CANCELLED, "", now) if over else job


def _missing(job: Job, run: Run, seen: Absent) -> tuple[Job, bool]:
    """Say whether a run that Flink has shown is lost; the time it is away counts while Flink answers."""
    if run.missing_since is None:
        return replace(job, run=replace(run, missing_since=seen.sent_at)), False
    return job, seen.sent_at - max(run.missing_since, seen.answering_since) >= MISSING_GRACE_MS


def _watch(job: Job, seen: _Seen, now: int) -> Step:
    """Follow a job whose stop failed; only a new call does anything to it."""
    match seen:
        case Alive() if job.status is Status.SAVEPOINTING:
            return _savepoint(job, seen, now)
        case Alive() if (request := job.savepoint_request) and saving.is_known(request, seen, CANCEL_WINDOW_MS):
            return Step(replace(job, savepoint_request=None))
        case Absent() if job.run is not None:
            return Step(_unless_it_appears(job, job.run, seen, now))
        case Gone():
            return Step(ending.settle(job, Status.CANCELLED, "", now))
        case Ended() if not saving.may_lie_there(job, seen):
            return Step(ending.settle(job, Status.CANCELLED, "", seen.ended_at))
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
        return ending.settle(job, Status.CANCELLED, "", now)
    return ending.settle(job, ending.failure_status(job), refusal.reason, now)


def _unanswered(job: Job, seen: Unanswered) -> Job:
    run = job.run
    if run is None or run.id != seen.run_id or run.seen:
        return job
    return replace(job, reason=seen.reason, run=replace(run, unanswered=seen.reason))


def _savepoint_refused(job: Job, refusal: SavepointRefusal) -> Job:
    wanted = job.savepoint_request is not None and job.savepoint_request.trigger_id == refusal.trigger_id
    return saving.failed(job, refusal.reason) if wanted else job
