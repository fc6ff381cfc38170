"""`runtime_config`: its three spellings, and what becomes of each of its keys (DLI: create SQL job)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from penstock.domain import settings_keys
from penstock.domain.errors import Invalid
from penstock.domain.job import JobConfig

SLOTS = "taskmanager.numberOfTaskSlots"
STATE_TTL = "table.exec.state.ttl"

_MEMORY = (
    "jobmanager.memory.heap.size",
    "jobmanager.memory.jvm-metaspace.size",
    "jobmanager.memory.process.size",
    "taskmanager.memory.framework.heap.size",
    "taskmanager.memory.framework.off-heap.size",
    "taskmanager.memory.jvm-metaspace.size",
    "taskmanager.memory.jvm-overhead.max",
    "taskmanager.memory.managed.size",
    "taskmanager.memory.network.max",
    "taskmanager.memory.process.size",
    "taskmanager.memory.task.heap.size",
    "taskmanager.memory.task.off-heap.size",
)
_OF_CLUSTERS = (
    "akka.*",
    "completed-application-store.*",
    "execution.checkpointing.num-retained",
    "fs.*",
    "heartbeat.*",
    "high-availability*",
    "historyserver.*",
    "io.tmp.dirs",
    "jobmanager.*",
    "jobstore.*",
    "kubernetes.*",
    "metrics.*",
    "pekko.*",
    "plugin.*",
    "process.*",
    "queryable-state.*",
    "resourcemanager.*",
    "s3.*",
    "s3a.*",
    "slot.*",
    "slotmanager.*",
    "taskmanager.*",
    "web.*",
    "yarn.*",
)
_OF_DLI = ("flink.dli.*", "parent.first.classloader.jars")
_UNUSED = (*settings_keys.DENIED, *_OF_CLUSTERS, *_OF_DLI, "execution.runtime-mode")
_LINE = re.compile(r"\s*[^\s=][^=]*=.*")
_SIZE = re.compile(r"([0-9]{1,18}) ?(b|k|kb|m|mb|g|gb|t|tb)?")
_MEBIBYTES = {"b": 2**-20, "k": 2**-10, "m": 1, "g": 2**10, "t": 2**20}

_Scalar = str | int | float | bool


class _Setting(msgspec.Struct):
    key: str
    value: _Scalar


_JSON = msgspec.json.Decoder(list[_Setting] | dict[str, _Scalar])


@dataclass(frozen=True)
class Sorted:
    """Settings by where they take effect."""

    job: Mapping[str, str]
    """Flink is given them with the job."""
    sizes: Mapping[str, str]
    """They size the processes of a cluster that the job has for itself."""
    owned: tuple[str, ...]
    """Other fields of the job decide these keys, and win."""
    unused: tuple[str, ...]
    """They are the operator's, or nothing here acts on them."""


@lru_cache(maxsize=512)
def parse(text: str | None) -> Mapping[str, str]:
    """Read a list of key and value or an object, in JSON, or lines `k=v`; raises `Invalid`."""
    text = text or ""
    try:
        settings = _of_json(text) if text.lstrip().startswith(("[", "{")) else _of_lines(text)
    except (ValueError, RecursionError):
        settings = {"": ""}
    if not all(settings):
        raise Invalid('runtime_config must be [{"key":"k","value":"v"}], {"k":"v"} or lines k=v')
    return settings


def sort(config: JobConfig) -> Sorted:
    """Sort the settings of a job; raises `Invalid`."""
    job, sizes = dict[str, str](), dict[str, str]()
    owned, unused = list[str](), list[str]()
    of_fields = (*settings_keys.OWNED, STATE_TTL, *([SLOTS] if _has_slots(config) else []))
    for key, value in parse(config.runtime_config).items():
        if settings_keys.matches(key, of_fields):
            owned.append(key)
        elif key in _MEMORY or key == SLOTS:
            sizes[key] = value
        elif settings_keys.matches(key, _UNUSED):
            unused.append(key)
        else:
            job[key] = value
    return Sorted(job, sizes, tuple(owned), tuple(unused))


def check_sizes(text: str | None) -> None:
    """Raise `Invalid` for sizes that cannot be read; elsewhere they count as not given."""
    settings = parse(text)
    for key in settings.keys() & set(_MEMORY) - memory_mb(text).keys():
        raise Invalid(f"runtime_config: {key} must be 0, or a size of at least 1 MB like 2048m or 2 gb")
    if SLOTS in settings and slots(text) is None:
        raise Invalid(f"runtime_config: {SLOTS} must be an integer between 1 and 9999")


def memory_mb(text: str | None) -> dict[str, int]:
    """Read the sizes of memory among the settings."""
    read = {key: _mebibytes(value) for key, value in parse(text).items() if key in _MEMORY}
    return {key: size for key, size in read.items() if size is not None}


def slots(text: str | None) -> int | None:
    """Read how many slots a TaskManager is to have."""
    asked = parse(text).get(SLOTS, "")
    return int(asked) if re.fullmatch("[1-9][0-9]{0,3}", asked) else None


def _has_slots(config: JobConfig) -> bool:
    if config.resource_config_version == "v2":
        return "max_slot" in (config.resource_config or {})
    return config.taskmanager_slots is not None


def _of_lines(text: str) -> dict[str, str]:
    lines = [line for line in text.split("\n") if line.strip()]
    if not all(_LINE.fullmatch(line) for line in lines):
        raise ValueError
    return {key.strip(): value.strip() for key, _, value in (line.partition("=") for line in lines)}


def _of_json(text: str) -> dict[str, str]:
    settings = _JSON.decode(text)
    pairs = settings.items() if isinstance(settings, dict) else ((each.key, each.value) for each in settings)
    return {key.strip(" \t"): str(value).lower() if isinstance(value, bool) else str(value) for key, value in pairs}


def _mebibytes(text: str) -> int | None:
    """Read a size as Flink does, which takes a bare number for bytes; None for what is none, or far too large."""
    found = _SIZE.fullmatch(text.strip().lower())
    size = int(found[1]) * _MEBIBYTES[(found[2] or "b")[0]] if found else -1
    return int(size) if size == 0 or 1 <= size < 2**24 else None
