"""What a job takes of its queue: compute units and slots (DLI: create SQL job; one CU is 1 vCPU and 4 GB)."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from penstock.domain.job import Goal, Job, JobConfig

_MEMORY = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,9})?) ?(MB?|GB?)?", re.IGNORECASE)
_MEBIBYTES = {"M": 1, "G": 1024}
_CU_MEBIBYTES = 4096


@dataclass(frozen=True)
class Need:
    cus: int
    slots: int


def need(config: JobConfig) -> Need:
    """Say what a job of these settings takes: its JobManager and as many TaskManagers as its parallelism asks for.

    It is by `cu_number` and its parts, or with `resource_config_version` v2 by `resource_config`.
    """
    if config.resource_config_version == "v2":
        return _by_specification(config, config.resource_config or {})
    slots = config.parallelism
    if config.taskmanager_slots:
        taskmanagers = math.ceil(slots / config.taskmanager_slots)
    else:
        taskmanagers = (config.cus - config.manager_cus) // config.taskmanager_cus
    return Need(config.manager_cus + taskmanagers * config.taskmanager_cus, slots)


def parallelism(config: JobConfig) -> int:
    """Give the parallelism that the job's operators have where they do not say otherwise."""
    return need(config).slots


def held(job: Job) -> int:
    """Give the CUs that the job holds at present; one at rest or still waiting for room holds none."""
    return 0 if job.goal is Goal.REST or job.run is None else need(job.config).cus


def mebibytes(memory: str) -> float:
    """Read a size like `2048 MB`, `2 GB` or `2`, which means GB; raises `ValueError` for any other text."""
    found = _MEMORY.fullmatch(memory.strip())
    if found is None:
        raise ValueError(f"{memory!r} is no size of memory")
    return float(found[1]) * _MEBIBYTES[(found[2] or "G")[0].upper()]


def _by_specification(config: JobConfig, given: Mapping[str, Any]) -> Need:
    slots = given.get("parallel_number") or config.parallelism
    taskmanagers = math.ceil(slots / (given.get("max_slot") or 1))
    manager, worker = (given.get(f"{role}_resource_spec") or {} for role in ("jobmanager", "taskmanager"))
    cores = manager.get("cpu", 1.0) + taskmanagers * worker.get("cpu", 1.0)
    memory = mebibytes(manager.get("memory", "4")) + taskmanagers * mebibytes(worker.get("memory", "4"))
    exact = max(cores, memory / _CU_MEBIBYTES)
    return Need(math.ceil(round(exact, 6)), slots)  # sums like 1.1 + 3 * 1.3 are a hair above 5
