"""What Flink would make of a script, and what flows through a job that runs."""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from penstock.domain.errors import Invalid


@dataclass(frozen=True)
class Input:
    """Where rows come from, by id, and how they are spread (Flink: `FORWARD`, `HASH`, …)."""

    id: str
    shipping: str


@dataclass(frozen=True)
class Operator:
    id: str
    """Flink's deterministic hash, as it is while each operator has the parallelism of the job."""
    name: str
    description: str
    parallelism: int
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True)
class Task:
    """A chain of operators, which run as one (Flink: job vertex); its id is that of the first."""

    id: str
    description: str
    parallelism: int
    operators: tuple[str, ...]
    inputs: tuple[Input, ...] = ()


@dataclass(frozen=True)
class Graph:
    job_id: str
    operators: tuple[Operator, ...]
    tasks: tuple[Task, ...]


@dataclass(frozen=True)
class Flow:
    """Rows through a source or a sink, since the run has begun and per second."""

    name: str
    rows: int
    rows_per_second: float


@dataclass(frozen=True)
class Figures:
    sources: tuple[Flow, ...] = ()
    sinks: tuple[Flow, ...] = ()


# --- `operator_config` ---


class _Parallelism(msgspec.Struct):
    id: str
    parallelism: int


class _Operators(msgspec.Struct):
    operator_list: list[_Parallelism]


_JSON = msgspec.json.Decoder(_Operators, strict=False)


def parallelism(operator_config: str | None) -> Mapping[str, int]:
    """Read the parallelism of operators by their ids; raises `Invalid`."""
    if not operator_config:
        return {}
    try:
        return {each.id: each.parallelism for each in _JSON.decode(operator_config).operator_list}
    except (msgspec.MsgspecError, RecursionError):
        raise Invalid("operator_config must be an object with an operator_list") from None
