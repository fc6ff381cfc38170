"""What a user may ask of a job in which status, and what each call writes at once.

Every call stores goal and status in the one transaction that accepts it, so that the status has moved before the
caller has the answer. All raise `NotAllowed` where the status forbids them (DLI: common operations of a job).
"""

from dataclasses import replace

from penstock.domain import ending
from penstock.domain.errors import NotAllowed, NotChangeable
from penstock.domain.job import Goal, Job, Savepoint, SavepointOrigin, SavepointRequest, Status, settings

MAY_RUN = frozenset({Status.INIT, Status.SUBMIT_FAILED, Status.EXCEPTION, Status.CANCELLED, Status.FINISHED})
MAY_STOP = frozenset({Status.SUBMITTING, Status.RUNNING, Status.CANCEL_FAILED})
MAY_SAVEPOINT = frozenset({Status.RUNNING, Status.CANCEL_FAILED})
MAY_CHANGE = MAY_RUN
MAY_CHANGE_A_LITTLE = frozenset({Status.SUBMITTING, Status.RUNNING, Status.SAVEPOINTING, Status.CANCEL_FAILED})
CHANGEABLE_WHILE_ACTIVE = frozenset(
    {
        "alarm_topic",
        "bucket",
        "checkpoint_path",
        "restart_from_checkpoint",
        "restart_limit_per_hour",
        "restart_on_failure",
    }
)
CLEARED_BY_TERRAFORM = frozenset({"operator_config", "static_estimator_config"})
"""Terraform sends these two empty with every change of a running job, and does not mean it."""
FORGOTTEN = "forgotten, as its cluster is lost for ever; Flink was not asked"


def request_run(job: Job, *, resume: bool, now: int) -> Job:
    """Start a new life, from the job's newest state or from nothing (DLI: run, `resume_savepoint`).

    The state to start from is chosen here, once, and what an earlier life has left is forgotten.
    """
    _allow(job, MAY_RUN, "run")
    savepoint = job.savepoint
    if not resume and savepoint is not None and savepoint.origin is SavepointOrigin.STOP:
        savepoint = None
    return replace(
        job,
        goal=Goal.RUN,
        status=Status.SUBMITTING,
        reason="",
        requested_at=now,
        restore_point=_state_to_resume(job) if resume else None,
        savepoint=savepoint,
        newest_state=None,
        started_at=None,
        ended_at=None,
        restart_count=0,
        restarts=(),
    )


def request_stop(job: Job, *, savepoint: SavepointRequest | None, now: int) -> Job:
    """Stop the job, after it has written a savepoint if one is asked for (DLI: stop, `trigger_savepoint`)."""
    if savepoint is None:
        _allow(job, MAY_STOP, "be stopped")
        return replace(job, goal=Goal.STOP, status=Status.CANCELING, reason="", requested_at=now)
    _allow(job, MAY_SAVEPOINT, "be stopped with a savepoint")
    if job.savepoint_request is not None:  # Flink may be writing that one already
        savepoint = replace(job.savepoint_request, give_up_at=savepoint.give_up_at, moves=False)
    return replace(
        job,
        goal=Goal.STOP_WITH_SAVEPOINT,
        status=Status.SAVEPOINTING,
        reason="",
        requested_at=now,
        savepoint_request=savepoint,
    )


def request_savepoint(job: Job, savepoint: SavepointRequest) -> Job:
    """Write a savepoint while the job goes on (DLI: savepoint, `TRIGGER`)."""
    _allow(job, MAY_SAVEPOINT, "write a savepoint")
    if job.savepoint_request is not None:  # of a move, or of a stop that was given up: the job may end with it
        raise NotAllowed(f"job {job.id} may be writing another savepoint; ask again in a minute")
    return replace(job, status=Status.SAVEPOINTING, reason="", savepoint_request=savepoint)


def may_move(job: Job) -> bool:
    """Say whether a job can be asked to move: it runs, writes no savepoint, and is not on the move already."""
    runs = job.goal is Goal.RUN and job.status is Status.RUNNING and job.run is not None and job.run.ran
    return runs and job.savepoint_request is None and job.unreadable is None


def request_move(job: Job, savepoint: SavepointRequest) -> Job:
    """Let a running job stop with a savepoint and go on from there on another cluster; no other job is changed."""
    return replace(job, savepoint_request=replace(savepoint, moves=True)) if may_move(job) else job


def request_import(job: Job, path: str) -> Job:
    """Put a savepoint on record that lies in a bucket already (DLI: import savepoint)."""
    _allow(job, MAY_CHANGE, "be given a savepoint")
    return replace(job, savepoint=Savepoint(path, SavepointOrigin.IMPORT))


def request_delete(job: Job, now: int) -> Job:
    """Delete the job, whatever its status; it is cancelled in Flink for sure, even after it is no longer listed."""
    refuse_unreadable(job)
    goal = Goal.REST if job.run is None else Goal.DELETE
    return replace(job, goal=goal, requested_at=now, deleted_at=now)


def forget(job: Job, now: int) -> Job:
    """End an active job whose cluster is gone for good; Flink is not asked, so it must be silent at present."""
    refuse_unreadable(job)
    if job.unreachable_since is None:
        raise NotAllowed(f"the cluster of job {job.id} has answered just now: stop the job instead")
    wanted = job.goal in (Goal.STOP, Goal.DELETE, Goal.WATCH)
    return ending.settle(job, Status.CANCELLED if wanted else ending.failure_status(job), FORGOTTEN, now)


def request_update(job: Job, wanted: Job, now: int) -> Job:
    """Change what the user has set (DLI: update); an active job takes only the settings that a restart obeys."""
    _allow(job, MAY_CHANGE | MAY_CHANGE_A_LITTLE, "be changed")
    if job.status in MAY_CHANGE_A_LITTLE:
        wanted = _keep_what_terraform_clears(job, wanted)
        refused = _changed(job, wanted) - CHANGEABLE_WHILE_ACTIVE
        if refused:
            raise NotChangeable(f"job {job.id} is {job.status}", frozenset(refused), CHANGEABLE_WHILE_ACTIVE)
    return replace(wanted, updated_at=now)


def request_replacement(job: Job, draft: Job) -> Job:
    """Make a job at rest what a draft says (DLI: import, `is_cover`); whose it is and its state stay."""
    _allow(job, MAY_CHANGE, "be replaced")
    return replace(
        draft,
        id=job.id,
        user_id=job.user_id,
        user_name=job.user_name,
        created_at=job.created_at,
        savepoint=job.savepoint,
        newest_state=job.newest_state,
        restore_point=job.restore_point,
        version=job.version,
    )


def _keep_what_terraform_clears(job: Job, wanted: Job) -> Job:
    cleared = {key for key in CLEARED_BY_TERRAFORM if not getattr(wanted.config, key)}
    return replace(wanted, config=replace(wanted.config, **{key: getattr(job.config, key) for key in cleared}))


def _changed(job: Job, wanted: Job) -> set[str]:
    old, new = settings(job), settings(wanted)
    return {key for key, value in new.items() if value != old[key]}


def _state_to_resume(job: Job) -> str | None:
    """Give the state to go on from: until a life has written one, that is what it was to start from itself."""
    return job.savepoint.path if job.savepoint else job.newest_state or job.restore_point


def _allow(job: Job, allowed: frozenset[Status], to_do: str) -> None:
    refuse_unreadable(job)
    if job.status not in allowed:
        raise NotAllowed(f"job {job.id} is {job.status}; it can {to_do} only while it is {_listed(allowed)}")


def refuse_unreadable(job: Job) -> None:
    """Raise `NotAllowed` for a job of which nobody knows all that it is."""
    if job.unreadable is not None:
        raise NotAllowed(f"job {job.id} is left as it is: {job.unreadable}")


def _listed(names: frozenset[Status]) -> str:
    return ", ".join(sorted(names))
