"""What a job takes of its queue: compute units and slots (DLI: create SQL job; one CU is 1 vCPU and 4 GB)."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from penstock.domain import graph, runtime_config
from penstock.domain.errors import Invalid
from penstock.domain.job import Goal, Job, JobConfig

_MEMORY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(MB?|GB?)?", re.IGNORECASE)
_MEBIBYTES = {"M": 1, "G": 1024}
_CU_MEBIBYTES = 4096


@dataclass(frozen=True)
class Process:
    """The nominal size of a process."""

    cores: float
    memory_mb: float


@dataclass(frozen=True)
class Layout:
    """The processes that a job asks for, and has where its cluster is its own."""

    jobmanager: Process
    taskmanager: Process
    taskmanagers: int
    slots: int
    """Of each TaskManager."""
    parallelism: int
    """The highest that an operator has."""


@dataclass(frozen=True)
class Need:
    cus: int
    slots: int


def layout(config: JobConfig) -> Layout:
    """Give a JobManager and as many TaskManagers as the parallelism asks for.

    It is by `cu_number` and its parts, or with `resource_config_version` v2 by `resource_config`; sizes in
    `runtime_config` count before both. Raises `Invalid` for what an older Penstock has taken and makes no sense.
    """
    by_fields = _by_specification if config.resource_config_version == "v2" else _by_units
    sizes = runtime_config.memory_mb(config.runtime_config)
    try:
        asked = by_fields(config, max([_asked(config), *graph.parallelism(config.operator_config).values()]))
    except (ArithmeticError, AttributeError, TypeError, ValueError) as error:
        raise Invalid("its sizes (cu_number and its parts, or resource_config) make no sense") from error
    return replace(
        asked,
        jobmanager=_resized(asked.jobmanager, sizes.get("jobmanager.memory.process.size")),
        taskmanager=_resized(asked.taskmanager, sizes.get("taskmanager.memory.process.size")),
    )


def need(config: JobConfig) -> Need:
    """Say what a job of these settings takes: the larger of its cores and its memory, in CUs; raises `Invalid`."""
    asked = layout(config)
    cores = asked.jobmanager.cores + asked.taskmanagers * asked.taskmanager.cores
    memory = asked.jobmanager.memory_mb + asked.taskmanagers * asked.taskmanager.memory_mb
    exact = max(cores, memory / _CU_MEBIBYTES)
    return Need(math.ceil(round(exact, 6)), asked.parallelism)  # sums like 1.1 + 3 * 1.3 are a hair above 5


def parallelism(config: JobConfig) -> int:
    """Give the parallelism that the job's operators have where they do not say otherwise."""
    return layout(replace(config, operator_config=None)).parallelism


def held(job: Job) -> int:
    """Give the CUs that the job holds at present; one at rest or still waiting for room holds none."""
    if job.goal is Goal.REST or job.run is None:
        return 0
    try:
        return need(job.config).cus
    except Invalid:
        return 0


def mebibytes(memory: str) -> float:
    """Read a size like `2048 MB`, `2 GB` or `2`, which means GB; raises `ValueError` for any other text."""
    found = _MEMORY.fullmatch(memory.strip())
    if found is None:
        raise ValueError(f"{memory!r} is no size of memory")
    return float(found[1]) * _MEBIBYTES[(found[2] or "G")[0].upper()]


def _asked(config: JobConfig) -> int:
    given: Mapping[str, Any] = config.resource_config or {}
    asked: int | None = given.get("parallel_number") if config.resource_config_version == "v2" else None
    return asked or config.parallelism


def _by_units(config: JobConfig, parallelism: int) -> Layout:
    slots = config.taskmanager_slots or runtime_config.slots(config.runtime_config)
    fit = (config.cus - config.manager_cus) // config.taskmanager_cus
    return Layout(
        jobmanager=_of_cus(config.manager_cus),
        taskmanager=_of_cus(config.taskmanager_cus),
        taskmanagers=math.ceil(parallelism / slots) if slots else fit,
        slots=slots or math.ceil(parallelism / fit),
        parallelism=parallelism,
    )


def _by_specification(config: JobConfig, parallelism: int) -> Layout:
    given: Mapping[str, Any] = config.resource_config or {}
    slots = given.get("max_slot") or runtime_config.slots(config.runtime_config) or 1
    manager, worker = (given.get(f"{role}_resource_spec") or {} for role in ("jobmanager", "taskmanager"))
    return Layout(
        jobmanager=Process(manager.get("cpu", 1.0), mebibytes(manager.get("memory", "4"))),
        taskmanager=Process(worker.get("cpu", 1.0), mebibytes(worker.get("memory", "4"))),
        taskmanagers=math.ceil(parallelism / slots),
        slots=slots,
        parallelism=parallelism,
    )


def _of_cus(cus: int) -> Process:
    return Process(cus, cus * _CU_MEBIBYTES)


def _resized(process: Process, memory_mb: int | None) -> Process:
    return process if memory_mb is None else replace(process, memory_mb=memory_mb)
