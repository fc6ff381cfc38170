"""Ways to get the life of a job wrong, and what each must lead to in the simulated worlds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from penstock.domain import lifecycle
from penstock.domain.ending import NewId
from penstock.domain.engine import (
    Absent,
    Alive,
    Cancel,
    Ended,
    Full,
    Gone,
    Observation,
    Refusal,
    SavepointRefusal,
    SavepointWritten,
    StopWithSavepoint,
    Submit,
)
from penstock.domain.job import Goal, Job, Status
from penstock.domain.lifecycle import Step
from tests.domain.truth import Wrong

Decide = Callable[[Job, Observation, int, NewId], Step]


@dataclass(frozen=True)
class Mutation:
    """A world without it is right; the flags change the simulated controllers, `decide` what they decide."""

    name: str
    leads_to: frozenset[Wrong] = frozenset()
    decide: Decide = lifecycle.decide
    acts_before_it_records: bool = False
    overwrites_newer_rows: bool = False
    spares_superseded_runs: bool = False


NONE = Mutation("none")


def _blind(change: Callable[[Job, Observation], tuple[Job, Observation]]) -> Decide:
    """Decide upon something else than what is."""

    def decide(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
        return lifecycle.decide(*change(job, seen), now, new_id)

    return decide


def _with_run(job: Job, **fields: Any) -> Job:
    return replace(job, run=replace(job.run, **fields)) if job.run else job


# --- the rules ---


def _retry_under_a_new_id(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    if isinstance(step.action, Submit) and step.job.run and step.job.run.attempts > 1:
        job = _with_run(step.job, id=new_id())
        return Step(job, Submit(job))
    return step


def _stop_at_once(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return _with_run(job, attempts=0) if job.goal in (Goal.STOP, Goal.DELETE) else job, seen


def _any_refusal_settles(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return _with_run(job, attempts=1) if isinstance(seen, Refusal) else job, seen


def _forget_state(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return replace(job, newest_state=None), seen


def _go_to_any_cluster(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    return Step(step.job, Submit(_with_run(step.job, cluster=None))) if isinstance(step.action, Submit) else step


def _trust_old_looks(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    if isinstance(seen, Absent | Gone | Full | Alive | Ended):
        seen = replace(seen, sent_at=now + 1)
    return lifecycle.decide(job, seen, now, new_id)


# --- what else holds ---


def _time_goes_on_after_a_look(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    if isinstance(seen, Absent | Alive) and seen.sent_at > job.written_at:
        seen = replace(seen, sent_at=now)
    return lifecycle.decide(job, seen, now, new_id)


def _stop_once(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    written = isinstance(seen, Alive) and isinstance(seen.savepoint, SavepointWritten)
    return Step(step.job) if written and isinstance(step.action, StopWithSavepoint) else step


def _never_learn_a_checkpoint(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return job, replace(seen, checkpoint=None) if isinstance(seen, Alive | Ended) else seen


def _is_missing(job: Job, seen: Observation) -> bool:
    return isinstance(seen, Absent) and job.run is not None and job.run.seen


def _no_grace(job: Job, seen: Observation) -> tuple[Job, Observation]:
    if _is_missing(job, seen):
        return _with_run(job, missing_since=0), replace(seen, answering_since=0)
    return job, seen


def _endless_grace(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return _with_run(job, missing_since=None), seen


def _grace_runs_during_outages(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return job, replace(seen, answering_since=0) if _is_missing(job, seen) else seen


def _submissions_age_during_outages(job: Job, seen: Observation) -> tuple[Job, Observation]:
    unseen = isinstance(seen, Absent) and not _is_missing(job, seen)
    return job, replace(seen, answering_since=0) if unseen else seen


def _cancels_age_during_outages(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return job, replace(seen, answering_since=0) if isinstance(seen, Alive) else seen


def _window_from_the_first_send(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return _with_run(job, sent_at=job.run.submit_at) if job.run else job, seen


def _window_of_a_minute(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return _with_run(job, sent_at=job.run.sent_at - 120_000) if job.run else job, seen


def _leave_the_doomed(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    doomed = step.job.run is not None and step.job.run.doomed is not None
    return Step(step.job) if doomed and isinstance(step.action, Cancel) else step


def _doom_nothing(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return job, replace(seen, cause=None, restore_failed=False) if isinstance(seen, Alive) else seen


def _wait_for_ever(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return job, replace(seen, for_ever=False) if isinstance(seen, Full) else seen


def _any_end_is_a_stop(job: Job, seen: Observation) -> tuple[Job, Observation]:
    stopping = isinstance(seen, Ended) and job.goal is Goal.STOP_WITH_SAVEPOINT
    return replace(job, goal=Goal.STOP) if stopping else job, seen


def _forget_what_was_asked(job: Job, seen: Observation) -> tuple[Job, Observation]:
    request = job.savepoint_request
    return replace(job, savepoint_request=replace(request, sent=False)) if request else job, seen


def _deaf_to_refused_savepoints(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    return Step(job) if isinstance(seen, SavepointRefusal) else lifecycle.decide(job, seen, now, new_id)


def _keep_the_id(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    return Step(_with_run(step.job, id=job.run.id)) if isinstance(seen, Gone) and job.run else step


def _all_ends_are(planned: bool) -> Decide:
    return _blind(lambda job, seen: (job, replace(seen, planned=planned) if isinstance(seen, Gone) else seen))


def _begin_from_nothing(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    willing = replace(job, config=replace(job.config, restart_on_failure=True))
    step = lifecycle.decide(willing if isinstance(seen, Gone) and seen.planned else job, seen, now, new_id)
    return Step(replace(step.job, config=job.config), step.action)


def _look_for_no_remains(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return job, replace(seen, checkpoint=None) if isinstance(seen, Absent | Gone) else seen


def _prefer_savepoints(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    restarted = step.job.run and job.run and step.job.run.id != job.run.id and step.job.run.resume_from
    return (
        Step(_with_run(step.job, resume_from=step.job.savepoint.path)) if restarted and step.job.savepoint else step
    )


def _is_moving(job: Job) -> bool:
    return job.savepoint_request is not None and job.savepoint_request.moves


def _move_to_nothing(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    moved = _is_moving(job) and isinstance(seen, Ended) and not _is_moving(step.job)
    return Step(_with_run(step.job, resume_from=job.restore_point), step.action) if moved else step


def _move_no_further(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return replace(job, savepoint_request=None) if _is_moving(job) and isinstance(seen, Ended | Gone) else job, seen


def _forget_what_was_given_up(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    given_up = step.job.status is Status.CANCEL_FAILED
    return Step(replace(step.job, savepoint_request=None), step.action) if given_up else step


def _never_give_up(job: Job, seen: Observation) -> tuple[Job, Observation]:
    request = job.savepoint_request
    return replace(job, savepoint_request=replace(request, give_up_at=None)) if request else job, seen


def _unreachable_for_ever(job: Job, seen: Observation, now: int, new_id: NewId) -> Step:
    step = lifecycle.decide(job, seen, now, new_id)
    return Step(
        replace(step.job, unreachable_since=job.unreachable_since or step.job.unreachable_since), step.action
    )


def _endless_budget(job: Job, seen: Observation) -> tuple[Job, Observation]:
    return replace(job, restarts=()), seen


_DOUBLED = frozenset({Wrong.TWO_LIVE, Wrong.UNKNOWN})
_UNSETTLED = frozenset({Wrong.UNSETTLED})

RULES = (
    Mutation("1 acts before it records", _DOUBLED, acts_before_it_records=True),
    Mutation("2 retries under a new id", _DOUBLED, _retry_under_a_new_id),
    Mutation("3 a stop does not wait for what may land", frozenset({Wrong.UNKNOWN}), _blind(_stop_at_once)),
    Mutation("4 any refusal settles", frozenset({Wrong.UNKNOWN}), _blind(_any_refusal_settles)),
    Mutation("5 overwrites newer rows", _DOUBLED, overwrites_newer_rows=True),
    Mutation("6 forgets the newest state", frozenset({Wrong.FROM_NOTHING, Wrong.STALE}), _blind(_forget_state)),
    Mutation("7 trusts old looks", frozenset({Wrong.MISTOLD, Wrong.NOT_SAVED, Wrong.UNKNOWN}), _trust_old_looks),
    Mutation("8 spares superseded runs", frozenset({Wrong.ORPHAN}), spares_superseded_runs=True),
    Mutation("9 a submission goes to any cluster", _DOUBLED, _go_to_any_cluster),
)
OTHERS = (
    Mutation(
        "never learns a checkpoint", frozenset({Wrong.FROM_NOTHING, Wrong.STALE}), _blind(_never_learn_a_checkpoint)
    ),
    Mutation("a missing run gets no grace", _DOUBLED, _blind(_no_grace)),
    Mutation("a missing run is never lost", _UNSETTLED, _blind(_endless_grace)),
    Mutation("the grace runs during an outage", _DOUBLED, _blind(_grace_runs_during_outages)),
    Mutation("a submission ages during an outage", _DOUBLED, _blind(_submissions_age_during_outages)),
    Mutation("a cancel ages during an outage", frozenset({Wrong.GIVEN_UP}), _blind(_cancels_age_during_outages)),
    Mutation("the window counts from the first send", _DOUBLED, _blind(_window_from_the_first_send)),
    Mutation("the window is a minute", _DOUBLED, _blind(_window_of_a_minute)),
    Mutation("the doomed are never cancelled", _UNSETTLED, _leave_the_doomed),
    Mutation("nothing is doomed", _UNSETTLED, _blind(_doom_nothing)),
    Mutation("a job too large waits for ever", _UNSETTLED, _blind(_wait_for_ever)),
    Mutation("any end is a stop with savepoint", frozenset({Wrong.NOT_SAVED}), _blind(_any_end_is_a_stop)),
    Mutation(
        "forgets that a savepoint was asked for", frozenset({Wrong.NOT_FINISHED}), _blind(_forget_what_was_asked)
    ),
    Mutation("deaf to refused savepoints", _UNSETTLED, _deaf_to_refused_savepoints),
    Mutation("a window goes on after the look", _DOUBLED, _time_goes_on_after_a_look),
    Mutation("a saved job that lives on is not stopped again", _UNSETTLED, _stop_once),
    Mutation("an endless restart budget", frozenset({Wrong.OVER_BUDGET}), _blind(_endless_budget)),
    Mutation("a run keeps its id when its cluster is gone", frozenset({Wrong.TWICE}), _keep_the_id),
    Mutation("a planned end counts as a failure", frozenset({Wrong.MISCOUNTED}), _all_ends_are(planned=False)),
    Mutation(
        "a crash counts as planned", frozenset({Wrong.MISCOUNTED, Wrong.UNASKED}), _all_ends_are(planned=True)
    ),
    Mutation("a job that we ended begins from nothing", frozenset({Wrong.UNASKED}), _begin_from_nothing),
    Mutation(
        "does not look for what a run has left",
        frozenset({Wrong.FROM_NOTHING, Wrong.STALE}),
        _blind(_look_for_no_remains),
    ),
    Mutation("prefers a savepoint to newer checkpoints", frozenset({Wrong.STALE}), _prefer_savepoints),
    Mutation("a move forgets its savepoint", frozenset({Wrong.FROM_NOTHING, Wrong.STALE}), _move_to_nothing),
    Mutation(
        "a move goes nowhere",
        frozenset({Wrong.ABANDONED, Wrong.NOT_FINISHED, Wrong.FORGOTTEN}),
        _blind(_move_no_further),
    ),
    Mutation("a stop that was given up is forgotten", frozenset({Wrong.FORGOTTEN}), _forget_what_was_given_up),
    Mutation("a savepoint is never given up", _UNSETTLED, _blind(_never_give_up)),
    Mutation("unreachable for ever", frozenset({Wrong.SILENT}), _unreachable_for_ever),
)
ALL = RULES + OTHERS
