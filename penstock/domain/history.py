"""What is told of a job's life: one event for each thing that happened, with when, why and by whom."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from penstock.domain import lines
from penstock.domain.job import Goal, Job, Run, SavepointOrigin, Status, settings


class Who(StrEnum):
    CALLER = "caller"
    """A user, through the API."""
    CONTROLLER = "controller"
    FLINK = "flink"
    """Flink, or somebody else there."""


@dataclass(frozen=True)
class Actor:
    who: Who
    name: str = ""
    """The user's."""


CONTROLLER = Actor(Who.CONTROLLER)
FLINK = Actor(Who.FLINK)


class Kind(StrEnum):
    """What can happen to a job."""

    CREATED = "created"
    UPDATED = "updated"
    RUN_REQUESTED = "run_requested"
    STOP_REQUESTED = "stop_requested"
    SAVEPOINT_REQUESTED = "savepoint_requested"
    SAVEPOINT_IMPORTED = "savepoint_imported"
    DELETE_REQUESTED = "delete_requested"
    ADOPTED = "adopted"
    """The job has been given a Flink job that nobody knew."""
    WAITING = "waiting"
    SUBMITTED = "submitted"
    RETRIED = "retried"
    """Submitted once more, under the same id."""
    UNANSWERED = "unanswered"
    """Nobody knows whether a submission was taken."""
    REFUSED = "refused"
    """Flink refused a submission while an earlier one may still land."""
    RUNNING = "running"
    FAILING = "failing"
    """Flink reports a failure of a run that it may restart itself."""
    RESTARTED_BY_FLINK = "restarted_by_flink"
    RESTARTED = "restarted"
    """A run is over, and the job goes on in another one."""
    MISSING = "missing"
    """Flink, which answers, no longer shows the run."""
    GIVEN_UP = "given_up"
    """The run never ran and never will; it is cancelled."""
    SAVEPOINT_WRITTEN = "savepoint_written"
    SAVEPOINT_FAILED = "savepoint_failed"
    MOVE_STARTED = "move_started"
    """The job is about to stop with a savepoint, to go on at once on another cluster."""
    UNREACHABLE = "unreachable"
    REACHABLE = "reachable"
    STATUS = "status"
    """The status has changed, and no other event says why."""
    ENDED = "ended"
    """The job has come to rest."""
    REMARK = "remark"
    """Something that the user should know, such as a setting that took no effect."""


EXITS = frozenset({Kind.ENDED, Kind.RESTARTED})
"""What ends a run, and tells of it all that Flink will have forgotten."""


@dataclass(frozen=True)
class Event:
    kind: Kind
    actor: Actor
    status: Status
    """What the job's status is from then on."""
    run_id: str | None = None
    reason: str = ""
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """An event that is on record; ids grow in the order in which events happened."""

    id: int
    at: int
    job_id: int
    event: Event


def events_of(before: Job | None, after: Job, by: Actor) -> tuple[Event, ...]:
    """Say what has happened to a job, from what it was (None: it was created) and what it has become."""
    if before is None:
        return (Event(Kind.CREATED, by, after.status),)
    happened = _Change(before, after, by)
    told = tuple(event for part in _PARTS for event in part(happened))
    if not told and before.status is not after.status:
        return (happened.event(Kind.STATUS, after.reason),)
    return told


def remark(job: Job, text: str) -> Event:
    """Tell the user of a job something that the service has noticed."""
    return Event(Kind.REMARK, CONTROLLER, job.status, job.run.id if job.run else None, text)


@dataclass(frozen=True)
class _Change:
    before: Job
    after: Job
    by: Actor

    def event(self, kind: Kind, reason: str = "", run: Run | None = None, **details: object) -> Event:
        """Tell of the run that the job has, unless another is named; details that are not known are left out."""
        run = run or self.after.run
        known = {name: value for name, value in details.items() if value is not None}
        return Event(kind, self.by, self.after.status, run.id if run else None, reason, known)


def _asked(change: _Change) -> Iterator[Event]:
    """Tell what a caller has asked for."""
    before, after = change.before, change.after
    if change.by.who is not Who.CALLER:
        return
    if changed := _settings(before, after):
        yield change.event(Kind.UPDATED, settings=changed)
    if after.deleted_at is not None and before.deleted_at is None:
        yield change.event(Kind.DELETE_REQUESTED)
    elif before.run is None and after.run is not None:
        yield change.event(Kind.ADOPTED, cluster=after.run.cluster)
    elif after.goal is not before.goal and after.goal is not Goal.REST:
        yield _goal_set(change)
    elif after.savepoint_request is not None and before.savepoint_request is None:
        yield change.event(Kind.SAVEPOINT_REQUESTED, target=after.savepoint_request.target)
    elif after.savepoint is not None and after.savepoint != before.savepoint:
        yield change.event(Kind.SAVEPOINT_IMPORTED, path=after.savepoint.path)


def _goal_set(change: _Change) -> Event:
    after = change.after
    if after.goal is Goal.RUN:
        return change.event(Kind.RUN_REQUESTED, resume_from=after.restore_point)
    request = after.savepoint_request if after.goal is Goal.STOP_WITH_SAVEPOINT else None
    return change.event(Kind.STOP_REQUESTED, savepoint=request.target if request else None)


def _settings(before: Job, after: Job) -> list[str]:
    """Name the settings that differ, without their values: a script or a setting can hold a secret."""
    old, new = settings(before), settings(after)
    return sorted(name for name, value in new.items() if value != old[name])


def _sent(change: _Change) -> Iterator[Event]:
    """Tell how a run gets to Flink."""
    before, after, run = change.before, change.after, change.after.run
    if run is None:
        waits = after.goal is Goal.RUN and after.reason and not before.reason
        if waits and before.run is None:
            yield change.event(Kind.WAITING, after.reason)
        return
    attempts = before.run.attempts if before.run and before.run.id == run.id else 0
    if run.attempts > attempts and change.by.who is not Who.CALLER:
        kind = Kind.SUBMITTED if run.attempts == 1 else Kind.RETRIED
        yield change.event(
            kind, run.unanswered or "", attempt=run.attempts, cluster=run.cluster, resume_from=run.resume_from
        )
        if before.run is None and (told := lines.alias_remark(after.config.flink_version)):
            yield change.event(Kind.REMARK, told)


def _observed(change: _Change) -> Iterator[Event]:
    """Tell what was learnt of a run that goes on."""
    before, after = change.before.run, change.after.run
    if before is None or after is None or before.id != after.id:
        return
    for kind, old, new in (
        (Kind.UNANSWERED, before.unanswered, after.unanswered),
        (Kind.REFUSED, before.refused, after.refused),
        (Kind.GIVEN_UP, before.doomed, after.doomed),
    ):
        if new is not None and new != old:
            yield change.event(kind, new)
    if after.missing_since is not None and before.missing_since is None:
        yield change.event(Kind.MISSING)
    cause = change.after.reason if after.troubled else ""
    if after.flink_restarts > before.flink_restarts:
        yield change.event(Kind.RESTARTED_BY_FLINK, cause, times=after.flink_restarts)
    elif after.troubled and not before.troubled:
        yield change.event(Kind.FAILING, cause)
    started = change.before.status is Status.SUBMITTING and change.after.status is Status.RUNNING
    if started or (after.ran and not before.ran) or (before.troubled and not after.troubled):
        yield change.event(Kind.RUNNING)


def _saved(change: _Change) -> Iterator[Event]:
    """Tell what became of a savepoint."""
    before, after = change.before, change.after
    asked, asks = before.savepoint_request, after.savepoint_request
    if asks is not None and asks.moves and asked is None:
        yield change.event(Kind.MOVE_STARTED, target=asks.target)
    if after.savepoint not in (None, before.savepoint) and after.savepoint.origin is not SavepointOrigin.IMPORT:
        yield change.event(Kind.SAVEPOINT_WRITTEN, path=after.savepoint.path)
    elif asked is not None and asks is None and not asked.moves and after.goal is not Goal.REST:
        yield change.event(Kind.SAVEPOINT_FAILED, after.reason)


def _reached(change: _Change) -> Iterator[Event]:
    before, after = change.before.unreachable_since, change.after.unreachable_since
    if after is not None and before is None:
        yield change.event(Kind.UNREACHABLE, since=after)
    elif before is not None and after is None:
        yield change.event(Kind.REACHABLE, since=before)


def _over(change: _Change) -> Iterator[Event]:
    """Tell how a run has ended, and what became of the job then."""
    before, after = change.before, change.after
    run = before.run
    if after.goal is Goal.REST and before.goal is not Goal.REST and after.deleted_at == before.deleted_at:
        started, ended = after.started_at, after.ended_at
        lasted = ended - started if started is not None and ended is not None else None
        yield change.event(Kind.ENDED, after.reason, run, **_life(change), ended_at=ended, duration=lasted)
    elif run is not None and after.run is not None and after.run.id != run.id:
        told = change.event(
            Kind.RESTARTED,
            after.reason,
            run,
            **_life(change),
            counted=after.restart_count > before.restart_count,
            resume_from=after.run.resume_from,
            next_run_id=after.run.id,
            submit_at=after.run.submit_at,
        )
        yield replace(told, actor=CONTROLLER)


def _life(change: _Change) -> dict[str, object]:
    """Give what is known of the run that has ended."""
    run, after = change.before.run, change.after
    if run is None:
        return {}
    return {
        "attempt": run.attempts,
        "cluster": run.cluster,
        "restored_from": run.resume_from,
        "started_at": after.started_at,
        "newest_state": after.newest_state,
        "restarts": after.restart_count,
    }


_PARTS = (_asked, _sent, _observed, _saved, _reached, _over)
