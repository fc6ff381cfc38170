"""A queue: a named pool of compute units that jobs run on, and how it keeps them apart."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

DEFAULT = "default"
"""The queue that a job without one runs on; every project sees it."""

DEFAULT_ENTERPRISE_PROJECT = "default"


class Isolation(StrEnum):
    """What the jobs of a queue share."""

    SESSION = "session"
    """One Flink cluster for all of them."""
    JOB = "job"
    """Nothing: each run has a cluster of its own, started for it and gone after it."""


@dataclass(frozen=True)
class Queue:
    name: str
    cus: int
    """Compute units that its running jobs may hold together; one is 1 vCPU and 4 GB."""
    slots: int = 0
    """Task slots of its cluster; of an external one what Flink says counts instead."""
    project_id: str | None = None
    """The project that owns it; None: it is the service's own, and every project sees it."""
    isolation: Isolation = Isolation.SESSION
    rest_url: str | None = None
    """REST address of an external Flink session cluster; None: the service starts its own."""
    description: str = ""
    user_name: str = ""
    created_at: int = 0
    id: int = 0
    not_ready: str | None = None
    """Why no job can run on it at present, as its controller has last said."""
    traits: Mapping[str, object] = field(default_factory=dict)
    """What was said of it that decides nothing here, and is shown as it came (DLI: create queue)."""

    @property
    def enterprise_project(self) -> str:
        """The one that its creator has put it and its jobs into; DLI's id of the default one is 0."""
        named = str(self.traits.get("enterprise_project_id", "0"))
        return DEFAULT_ENTERPRISE_PROJECT if named in ("", "0") else named


@dataclass(frozen=True)
class Keeping:
    """Who keeps a queue, and where."""

    place: str | None
    """Where its local engine is, or was last: no process of another place may keep it."""
    until: int
    """When the lease of its keeper ends; in the past: nobody keeps it."""


@dataclass(frozen=True)
class Holder:
    """A process that may keep queues."""

    name: str
    """The same for its successor after a restart, and nobody else's."""
    place: str
    """The host and data directory of its local engines: only there can be told whether one lives."""
