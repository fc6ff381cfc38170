"""What a simulated Flink is made of: its temper, its jobs, and the states that they write."""

import random
from dataclasses import dataclass, field
from enum import StrEnum

from penstock.domain.engine import SavepointState
from penstock.domain.job import Run


@dataclass(frozen=True)
class Temper:
    """How likely each trouble is. A world knows few of them, and those well."""

    slow: float
    lossy: float
    held: float
    refused: float
    failing: float
    finishing: float
    outage: float
    comeback: float
    dying: float
    forgetful: float
    stuck: float
    savepoint_trouble: float
    hanging: float
    checkpointing: float

    @classmethod
    def of(cls, dice: random.Random) -> "Temper":
        return cls(
            slow=dice.choice((0.0, 0.5, 0.9)),
            lossy=dice.choice((0.0, 0.2, 0.8)),
            held=dice.choice((0.0, 0.0, 0.1)),
            refused=dice.choice((0.0, 0.05, 0.3)),
            failing=dice.choice((0.0, 0.05, 0.25)),
            finishing=dice.choice((0.0, 0.0, 0.05)),
            outage=dice.choice((0.0, 0.08, 0.2)),
            comeback=dice.choice((0.02, 0.1, 0.4)),
            dying=dice.choice((0.0, 0.3)),
            forgetful=dice.choice((0.0, 0.9)),
            stuck=dice.choice((0.0, 0.0, 0.9)),
            savepoint_trouble=dice.choice((0.0, 0.1, 0.5)),
            hanging=dice.choice((0.0, 0.0, 0.5)),
            checkpointing=dice.choice((0.0, 0.4, 0.4)),
        )


@dataclass(frozen=True)
class State:
    """A complete checkpoint or savepoint; states are numbered in the order in which they were written."""

    number: int
    run_id: str
    sql: str
    is_checkpoint: bool

    @property
    def address(self) -> str:
        kind = f"{self.run_id}/chk" if self.is_checkpoint else "savepoint"
        return f"obs://b/{kind}-{self.number}/"


class Phase(StrEnum):
    CREATED = "CREATED"
    RUNNING = "RUNNING"
    RESTARTING = "RESTARTING"
    CANCELLING = "CANCELLING"
    FINISHED = "FINISHED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


ENDS = frozenset({Phase.FINISHED, Phase.FAILED, Phase.CANCELED})


@dataclass
class FlinkJob:
    run: Run
    sql: str
    start: State | None
    cluster: str
    landed_late: bool
    phase: Phase = Phase.CREATED
    ran: bool = False
    restarts: int = 0
    cause: str | None = None
    reported: State | None = None
    """The checkpoint that Flink shows; a newer one may be complete."""
    savepoints: dict[str, SavepointState] = field(default_factory=dict)
    """What Flink knows of each trigger."""
    saved: dict[str, State] = field(default_factory=dict)
    """What lies at its target."""
    hung: dict[str, int] = field(default_factory=dict)
    """Triggers that get nowhere before such a time."""
    stop_trigger: str | None = None
    """Once this savepoint is written, the job ends."""
    stopped: bool = False
    """It has ended by that."""
    ended_at: int = 0

    @property
    def alive(self) -> bool:
        return self.phase not in ENDS

    @property
    def fits(self) -> bool:
        return self.start is None or self.start.sql == self.sql
