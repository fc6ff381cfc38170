"""How large the processes of a cluster are."""

from typing import Any

import pytest

from penstock.domain.errors import Invalid
from penstock.domain.job import JobConfig
from penstock.flink import jvm, shapes
from penstock.flink.shapes import TaskMemory


def whole(memory: TaskMemory) -> int:
    return memory.heap + memory.direct + memory.managed + memory.metaspace + memory.overhead


@pytest.mark.parametrize(
    ("config", "taskmanagers", "slots", "jobmanager_mb", "taskmanager_mb"),
    [
        ({}, 1, 1, 4096, 4096),
        ({"cus": 9, "parallelism": 8}, 8, 1, 4096, 4096),
        ({"cus": 9, "parallelism": 3}, 3, 1, 4096, 4096),  # five more would hold no slot of the job
        ({"cus": 8, "manager_cus": 2, "taskmanager_cus": 3, "parallelism": 7}, 2, 4, 8192, 12288),
        ({"taskmanager_slots": 4, "parallelism": 5, "taskmanager_cus": 2, "cus": 3}, 2, 4, 4096, 8192),
        ({"runtime_config": "taskmanager.numberOfTaskSlots=2", "parallelism": 3}, 2, 2, 4096, 4096),
    ],
)
def test_the_units_of_a_job_become_its_processes(
    config: dict[str, Any], taskmanagers: int, slots: int, jobmanager_mb: int, taskmanager_mb: int
) -> None:
    shape = shapes.own(JobConfig(**config))
    assert (shape.taskmanagers, shape.slots, whole(shape.memory)) == (taskmanagers, slots, taskmanager_mb)
    assert shape.jobmanager_heap + 128 + 512 + 192 == jobmanager_mb


def test_a_specification_becomes_them_too() -> None:
    given = {
        "max_slot": 2,
        "parallel_number": 4,
        "jobmanager_resource_spec": {"memory": "2 GB"},
        "taskmanager_resource_spec": {"cpu": 1.5, "memory": "3 GB"},
    }
    shape = shapes.own(JobConfig(resource_config=given, resource_config_version="v2"))
    assert (shape.taskmanagers, shape.slots, shape.cores, whole(shape.memory)) == (2, 2, 1.5, 3072)
    assert shape.jobmanager_heap == 2048 - 128 - 512 - 192


def test_parts_of_the_memory_can_be_named_and_the_heap_takes_the_rest() -> None:
    sizes = {
        "taskmanager.memory.process.size": "2g",
        "taskmanager.memory.managed.size": "0",
        "jobmanager.memory.heap.size": "300m",
    }
    text = "\n".join(f"{key}={size}" for key, size in sizes.items())
    shape = shapes.own(JobConfig(runtime_config=text))
    assert (shape.memory.managed, shape.jobmanager_heap, whole(shape.memory)) == (0, 300, 2048)


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("taskmanager.memory.process.size=500m", "taskmanager.memory: a heap of"),
        ("taskmanager.memory.task.heap.size=4g", "taskmanager.memory: a heap of 4096 MB is below"),
        ("taskmanager.memory.managed.size=9g", "taskmanager.memory: a heap of -"),
        ("jobmanager.memory.heap.size=1m", "jobmanager.memory: a heap of 1 MB is below 128 MB"),
        ("jobmanager.memory.jvm-metaspace.size=0", "jobmanager metaspace memory of 0 MB is below the 128 MB"),
        ("taskmanager.memory.jvm-metaspace.size=63m", "taskmanager metaspace memory of 63 MB is below the 64 MB"),
        ("taskmanager.memory.framework.off-heap.size=0", "taskmanager off-heap memory of 0 MB is below the 16 MB"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, family: str) -> None:
    with pytest.raises(Invalid, match=family):
        shapes.own(JobConfig(runtime_config=text))


def test_each_process_has_its_limits_and_only_the_jobmanager_does_without_the_second_compiler() -> None:
    manager, *workers = jvm.roles(shapes.own(JobConfig(cus=3, parallelism=2)))
    assert (manager.name, [worker.name for worker in workers]) == ("jobmanager", ["taskmanager-1", "taskmanager-2"])
    assert manager.options == ("-Xmx3264m", "-XX:MaxMetaspaceSize=512m", "-Xms64m", "-XX:TieredStopAtLevel=1")
    assert workers[0].options == (
        "-Xmx1842m",
        "-Xms1842m",
        "-XX:MaxDirectMemorySize=194m",
        "-XX:MaxMetaspaceSize=512m",
    )
