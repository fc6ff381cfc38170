"""`runtime_config`: how it is spelled, and where each of its keys takes effect."""

import pytest

from penstock.domain import runtime_config
from penstock.domain.errors import Invalid
from penstock.domain.job import JobConfig
from penstock.domain.runtime_config import Sorted


@pytest.mark.parametrize(
    "text",
    [
        '[{"key":"a.b","value":"v=w"},{"key":" n ","value":1},{"key":"flag","value":true},{"key":"x","value":1.5}]',
        '{"a.b":"v=w","n":1,"flag":true,"x":1.5}',
        "a.b = v=w\n\n n=1\r\nflag=true\nx=1.5",
    ],
)
def test_the_three_spellings_say_the_same(text: str) -> None:
    assert runtime_config.parse(text) == {"a.b": "v=w", "n": "1", "flag": "true", "x": "1.5"}


@pytest.mark.parametrize("text", [None, "", " \n"])
def test_nothing_is_set_by_an_empty_text(text: str | None) -> None:
    assert runtime_config.parse(text) == {}


def test_the_last_of_equal_keys_counts() -> None:
    assert runtime_config.parse('[{"key":"a","value":1},{"key":"a","value":2}]') == {"a": "2"}


def test_each_key_is_sorted_by_where_it_takes_effect() -> None:
    text = "\n".join(
        f"{key}=v"
        for key in (
            "table.exec.mini-batch.enabled",
            "pipeline.object-reuse",
            "pipeline.name",
            "restart-strategy",
            "table.exec.state.ttl",
            "taskmanager.memory.process.size",
            "taskmanager.numberOfTaskSlots",
            "kubernetes.jobmanager.cpu",
            "high-availability.storageDir",
            "taskmanager.host",
            "flink.dli.job.priority",
            "rest.port",
        )
    )
    assert runtime_config.sort(JobConfig(runtime_config=text)) == Sorted(
        job={"table.exec.mini-batch.enabled": "v", "pipeline.object-reuse": "v"},
        sizes={"taskmanager.memory.process.size": "v", "taskmanager.numberOfTaskSlots": "v"},
        owned=("pipeline.name", "restart-strategy", "table.exec.state.ttl"),
        unused=(
            "kubernetes.jobmanager.cpu",
            "high-availability.storageDir",
            "taskmanager.host",
            "flink.dli.job.priority",
            "rest.port",
        ),
    )


@pytest.mark.parametrize(
    "config",
    [
        JobConfig(taskmanager_slots=2),
        JobConfig(resource_config={"max_slot": 2}, resource_config_version="v2"),
    ],
)
def test_the_field_for_slots_wins(config: JobConfig) -> None:
    text = f"{runtime_config.SLOTS}=3"
    given = JobConfig(**{**vars(config), "runtime_config": text})
    assert runtime_config.sort(given).owned == (runtime_config.SLOTS,)


@pytest.mark.parametrize(
    ("size", "megabytes"),
    [("2048m", 2048), ("2 GB", 2048), ("2g", 2048), ("1048576", 1), (" 4096 kb", 4), ("0", 0)],
)
def test_sizes_are_read_as_flink_reads_them(size: str, megabytes: int) -> None:
    key = "jobmanager.memory.process.size"
    assert runtime_config.memory_mb(f"{key}={size}") == {key: megabytes}


@pytest.mark.parametrize("size", ["", "much", "2048", "-1g", "1.5g", "17tb"])
def test_a_size_that_flink_could_not_read_is_refused_and_counts_as_not_given(size: str) -> None:
    text = f"taskmanager.memory.process.size={size}"
    with pytest.raises(Invalid, match=r"runtime_config: taskmanager\.memory\.process\.size must be 0, or a size"):
        runtime_config.check_sizes(text)
    assert runtime_config.memory_mb(text) == {}


@pytest.mark.parametrize("slots", ["0", "-1", "two", "10000", "²"])
def test_slots_are_a_number(slots: str) -> None:
    text = f"taskmanager.numberOfTaskSlots={slots}"
    with pytest.raises(Invalid, match="numberOfTaskSlots must be an integer between 1 and 9999"):
        runtime_config.check_sizes(text)
    assert runtime_config.slots(text) is None
