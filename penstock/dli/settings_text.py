"""Settings with a syntax of their own: the checks of texts that are stored and echoed as they came."""

import re
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from penstock.dli import encoding
from penstock.domain import log_levels, resources, runtime_config, settings_keys
from penstock.domain.errors import Invalid, NotAllowed

Level = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class ResourceSpec(msgspec.Struct, kw_only=True, omit_defaults=True):
    cpu: Annotated[float, Meta(ge=0.5, le=400)] | None = None
    memory: Annotated[str, Meta(max_length=32)] | None = None
    """A number with MB or GB; a bare one means GB."""


class ResourceConfig(msgspec.Struct, kw_only=True, omit_defaults=True):
    """Resources in the manner of `resource_config_version` v2."""

    max_slot: Annotated[int, Meta(ge=1, le=2000)] | None = None
    parallel_number: Annotated[int, Meta(ge=1, le=2000)] | None = None
    jobmanager_resource_spec: ResourceSpec | None = None
    taskmanager_resource_spec: ResourceSpec | None = None


class LogConfig(msgspec.Struct):
    root_logger_level: Level | None = None
    loggers_level_of_class: dict[str, Level] | None = None


class OperatorParallelism(msgspec.Struct):
    id: str
    parallelism: Annotated[int, Meta(ge=1, le=2000)]


class OperatorConfig(msgspec.Struct):
    operator_list: list[OperatorParallelism]


def resource_config(given: ResourceConfig | None) -> dict[str, object] | None:
    """Return the known keys as they came; raises `Invalid`."""
    if given is None:
        return None
    for spec in (given.jobmanager_resource_spec, given.taskmanager_resource_spec):
        if spec and spec.memory is not None and not _is_enough_memory(spec.memory):
            raise Invalid("resource_config: memory must be at least 2 GB, written like 2048 MB, 2 GB or 2")
    known: dict[str, object] = msgspec.to_builtins(given)
    return known


def check_runtime_config(text: str | None) -> None:
    """Check the three spellings, and the keys; raises `Invalid`, or `NotAllowed` for one that is the operator's."""
    for key, value in runtime_config.parse(text).items():
        if _CONTROL.search(key) or _CONTROL.search(value):
            raise Invalid(f"runtime_config: {key!r} must not hold control characters, nor its value")
        if settings_keys.is_denied(key):
            raise NotAllowed(f"runtime_config must not set {key}: {settings_keys.WHY_DENIED}")
    runtime_config.check_sizes(text)


def check_log_config(text: str | None) -> None:
    if text:
        _check_text("flink_log_config", text, LogConfig)
        log_levels.parse(text)


def check_operator_config(text: str | None) -> None:
    if text:
        _check_text("operator_config", text, OperatorConfig)


def check_json(name: str, text: str | None) -> None:
    """Check that a text that is set holds a JSON object."""
    if text:
        encoding.read_json(text, name)


def _check_text(name: str, text: str, shape: type[msgspec.Struct]) -> None:
    value = encoding.read_json(text, name)
    with encoding.naming(name):
        encoding.convert(value, shape)


def _is_enough_memory(text: str) -> bool:
    try:
        return resources.mebibytes(text) >= 2048
    except ValueError:
        return False
