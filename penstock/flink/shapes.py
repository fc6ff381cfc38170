"""What the processes of a cluster of ours are started with: how many there are, and their memory.

All of it are limits: a process takes memory as it needs it, but for the network buffers, which Flink takes at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from penstock.domain import log_levels, resources, runtime_config
from penstock.domain.errors import Invalid
from penstock.domain.job import JobConfig
from penstock.domain.log_levels import LogLevels

_METASPACE_MB = 512
_OVERHEAD_MB = 192
_FRAMEWORK_MB = 128
_LEAST_HEAP_MB = 128
_LEAST_MB = {"jobmanager metaspace": 128, "taskmanager metaspace": 64, "taskmanager off-heap": 16}
"""With less a process dies as it starts, or cannot plan one small script (measured)."""
_MANAGED_FRACTION = 0.4
"""Of what is Flink's own of a TaskManager, as Flink has it."""


@dataclass(frozen=True)
class TaskMemory:
    """The parts of a TaskManager's memory, in MiB."""

    task_heap: int
    network: int
    managed: int
    """Taken only when an operator uses it."""
    task_off_heap: int = 0
    framework_heap: int = _FRAMEWORK_MB
    framework_off_heap: int = _FRAMEWORK_MB
    metaspace: int = _METASPACE_MB
    overhead: int = _OVERHEAD_MB

    @property
    def heap(self) -> int:
        return self.framework_heap + self.task_heap

    @property
    def direct(self) -> int:
        return self.framework_off_heap + self.task_off_heap + self.network


@dataclass(frozen=True)
class Shape:
    taskmanagers: int
    slots: int
    """Of each TaskManager."""
    cores: float
    """Of each TaskManager; nothing keeps it from taking more."""
    memory: TaskMemory
    """Of each TaskManager."""
    jobmanager_heap: int = 768
    jobmanager_metaspace: int = _METASPACE_MB
    levels: LogLevels = field(default_factory=LogLevels)


def shared(slots: int) -> Shape:
    """Give the shape of a cluster that many small jobs share: state lives on the heap, some tens of MB a job."""
    memory = TaskMemory(task_heap=384 + 16 * slots, network=_network(slots), managed=32 * slots)
    return Shape(taskmanagers=1, slots=slots, cores=slots, memory=memory)


def own(config: JobConfig) -> Shape:
    """Give the shape of the cluster that one job has for itself; raises `Invalid` for sizes that do not fit.

    A TaskManager that would hold no slot of the job is not started.
    """
    asked, sizes = resources.layout(config), runtime_config.memory_mb(config.runtime_config)
    needed = -(-asked.parallelism // asked.slots)
    metaspace = sizes.get("jobmanager.memory.jvm-metaspace.size", _METASPACE_MB)
    left = int(asked.jobmanager.memory_mb) - _FRAMEWORK_MB - metaspace - _OVERHEAD_MB
    memory = _task_memory(int(asked.taskmanager.memory_mb), asked.slots, sizes)
    _check_least("jobmanager metaspace", metaspace)
    _check_least("taskmanager metaspace", memory.metaspace)
    _check_least("taskmanager off-heap", memory.framework_off_heap + memory.task_off_heap)
    return Shape(
        taskmanagers=min(asked.taskmanagers, needed),
        slots=asked.slots,
        cores=asked.taskmanager.cores,
        memory=memory,
        jobmanager_heap=_fitting("jobmanager.memory", left, sizes.get("jobmanager.memory.heap.size", left)),
        jobmanager_metaspace=metaspace,
        levels=log_levels.parse(config.log_config),
    )


def _task_memory(whole: int, slots: int, sizes: Mapping[str, int]) -> TaskMemory:
    def of(part: str, otherwise: int) -> int:
        return sizes.get(f"taskmanager.memory.{part}", otherwise)

    metaspace, overhead = of("jvm-metaspace.size", _METASPACE_MB), of("jvm-overhead.max", _OVERHEAD_MB)
    parts = {
        "network": of("network.max", _network(slots)),
        "managed": of("managed.size", int(_MANAGED_FRACTION * max(0, whole - metaspace - overhead))),
        "task_off_heap": of("task.off-heap.size", 0),
        "framework_heap": of("framework.heap.size", _FRAMEWORK_MB),
        "framework_off_heap": of("framework.off-heap.size", _FRAMEWORK_MB),
        "metaspace": metaspace,
        "overhead": overhead,
    }
    left = whole - sum(parts.values())
    return TaskMemory(task_heap=_fitting("taskmanager.memory", left, of("task.heap.size", left)), **parts)


def _fitting(family: str, left: int, heap: int) -> int:
    if not _LEAST_HEAP_MB <= heap <= left:
        raise Invalid(
            f"{family}: a heap of {heap} MB is below {_LEAST_HEAP_MB} MB, or above the {left} MB left for it"
        )
    return heap


def _check_least(part: str, size: int) -> None:
    if size < _LEAST_MB[part]:
        raise Invalid(f"{part} memory of {size} MB is below the {_LEAST_MB[part]} MB that Flink starts with")


def _network(slots: int) -> int:
    return 64 + 2 * slots
