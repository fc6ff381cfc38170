"""What we ask of an engine, and what it may answer.

*Looking* never acts, and *acting* never answers: what an act achieved is seen at the next look. The one exception
is a refusal, raised by `perform` and fed back to `lifecycle.decide` as one more observation.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from penstock.domain.job import Job, SavepointRequest

# --- what was seen ---


@dataclass(frozen=True)
class SavepointWritten:
    """The savepoint is complete, at this `obs://` address."""

    path: str


@dataclass(frozen=True)
class SavepointFailed:
    """Flink gave up; `cause` is its root cause, short and readable."""

    cause: str


@dataclass(frozen=True)
class SavepointRunning:
    """Flink is writing it."""


SavepointState = SavepointWritten | SavepointFailed | SavepointRunning
"""None in place of it: Flink knows nothing of such a trigger, and nothing complete lies at its target."""


class Ending(StrEnum):
    """Flink's globally terminal job states."""

    FINISHED = "FINISHED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


@dataclass(frozen=True)
class Unreachable:
    """The cluster did not answer: nothing is known, so nothing is guessed."""

    reason: str = ""
    since: int | None = None
    """Since when it has not; None while it has only just begun to."""


@dataclass(frozen=True)
class Absent:
    """The cluster answered, and does not show this run (or the job has no run yet)."""

    sent_at: int
    answering_since: int
    """Since when the cluster has answered without a gap; deadlines run only while it does."""
    cluster: str = ""
    """The incarnation that answered: a run goes to exactly one."""
    checkpoint: str | None = None
    """The newest complete checkpoint of the run, where one is found although Flink no longer shows the run."""
    savepoint: SavepointState | None = None
    """Likewise the savepoint that was asked for."""


@dataclass(frozen=True)
class Gone:
    """The incarnation that the run was sent to is dead, every process of it: the run neither lives nor can land."""

    sent_at: int
    reason: str
    """How the cluster came to its end."""
    planned: bool = False
    """We have ended it ourselves: it is no failure of the job."""
    checkpoint: str | None = None
    """The newest complete checkpoint of the run that lies in its folder."""
    savepoint: SavepointState | None = None
    """The savepoint that was asked for, if it lies complete at its target."""


@dataclass(frozen=True)
class Full:
    """The job's run was not sent yet, and its queue has no room for it; `reason` says what is missing."""

    sent_at: int
    reason: str
    for_ever: bool = False
    """The job is larger than the whole queue."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What Flink tells of a job that it shows, whether it lives or has ended."""

    sent_at: int
    started_at: int
    restarts: int = 0
    """How often Flink itself has restarted this run (its metric `numRestarts`)."""
    cause: str | None = None
    """The root cause of its end, or the newest one of a failure while the run is restarting or failing."""
    restore_failed: bool = False
    """The run cannot be restored from the state it was given, and never will be."""
    checkpoint: str | None = None
    """`obs://` address of the newest completed checkpoint."""
    savepoint: SavepointState | None = None
    """What became of the savepoint that was asked for, if one was."""
    plan: str | None = None
    name: str = ""
    state: str = ""
    """In Flink's words; empty: what was last known still holds."""


@dataclass(frozen=True, kw_only=True)
class Alive(Shown):
    """Flink holds the job in a state that is not terminal."""

    answering_since: int
    all_running: bool
    """Flink says RUNNING, and so does every task (or it has finished already)."""
    cancelling: bool = False


@dataclass(frozen=True, kw_only=True)
class Ended(Shown):
    """Flink has ended the job."""

    how: Ending
    ended_at: int
    ran: bool
    """Every task was running at some time, even if no look saw it."""


@dataclass(frozen=True)
class Refusal:
    """The engine will never take this submission: bad SQL, a missing savepoint, no such class."""

    run_id: str
    reason: str
    state_missing: bool = False
    """The savepoint or checkpoint to start from is not there."""


@dataclass(frozen=True)
class Unanswered:
    """Nobody knows whether a submission was taken; `reason` is for the user."""

    run_id: str
    reason: str


@dataclass(frozen=True)
class SavepointRefusal:
    """The engine will never write the savepoint of this trigger, at least not there."""

    trigger_id: str
    reason: str


Sighting = Absent | Gone | Alive | Ended | Unreachable
"""What one look says of one run."""

Observation = Unreachable | Absent | Gone | Full | Alive | Ended | Refusal | Unanswered | SavepointRefusal


@dataclass(frozen=True)
class Watched:
    """A run to look at, and the savepoint to ask after, if one is on its way."""

    run_id: str
    savepoint_request: SavepointRequest | None = None
    cluster: str | None = None
    checkpoints: str | None = None
    flink_version: str | None = None
    """What its job asks for; it counts until the run has a cluster."""


@dataclass(frozen=True)
class Stranger:
    """A living Flink job that was not watched."""

    id: str
    name: str
    state: str
    started_at: int
    cluster: str = ""
    """The incarnation that it lives on."""


@dataclass(frozen=True)
class Overview:
    """One look at a cluster that answered."""

    sent_at: int
    """When the request was sent, not when the answer came."""
    answering_since: int
    cluster: str = ""
    """Which incarnation answered; one that was started anew is another."""
    runs: Mapping[str, Sighting] = field(default_factory=dict)
    """What is known of the watched runs; one that is not here is absent."""
    strangers: Mapping[str, Stranger] = field(default_factory=dict)
    """The jobs that live there and were not watched, by id."""
    is_whole: bool = True
    """Every cluster of the queue has answered: there are no other strangers."""


# --- what to do ---


@dataclass(frozen=True)
class Submit:
    """Start `job.run`, under exactly its id, from its `resume_from`."""

    job: Job


@dataclass(frozen=True)
class Cancel:
    run_id: str


@dataclass(frozen=True)
class TriggerSavepoint:
    run_id: str
    request: SavepointRequest


@dataclass(frozen=True)
class StopWithSavepoint:
    run_id: str
    request: SavepointRequest


Action = Submit | Cancel | TriggerSavepoint | StopWithSavepoint


class Refused(Exception):
    """Raised by `Engine.perform` for a submission or a savepoint that the engine will never take."""

    def __init__(self, reason: str, *, state_missing: bool = False, told: str = "") -> None:
        """Take why, for the user, and all that the engine has said."""
        super().__init__(reason)
        self.reason = reason
        self.state_missing = state_missing
        self.told = told


class EngineUnavailable(Exception):
    """Raised by `Engine.perform` when nobody knows whether the act has happened, or it may succeed later."""

    def __init__(self, reason: str | None = None, *, told: str = "") -> None:
        """Take why, for the user, and all that the engine has said."""
        super().__init__(reason)
        self.told = told


class Engine(Protocol):
    """A place where jobs run. `FlinkEngine` and the tests' `FakeEngine` pass one contract suite."""

    def look(self, watched: Collection[Watched]) -> Overview | Unreachable:
        """Look at every job of the cluster with one request, and closer where something has changed.

        Never acts, and never raises for a cluster that is away: that is `Unreachable`.
        """
        ...

    def perform(self, action: Action) -> None:
        """Ask the engine for one thing, which is safe to ask for again.

        A submission under an id that the engine has taken before changes nothing and raises nothing; so does a
        cancel of a run that has ended or is not there, and a savepoint whose trigger id is known already.

        Raises `Refused` (of a submission or a savepoint) or `EngineUnavailable`, whose text is for the user.
        """
        ...
