"""A queue: a named pool of compute units that jobs run on."""

from dataclasses import dataclass

DEFAULT = "default"
"""The queue that a job without one runs on."""


@dataclass(frozen=True)
class Queue:
    name: str
    cus: int
    """Compute units that its running jobs may hold together; one is 1 vCPU and 4 GB."""
