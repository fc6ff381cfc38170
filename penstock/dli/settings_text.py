"""Settings with a syntax of their own: the checks of texts that are stored and echoed as they came."""

import re
from collections.abc import Iterable
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from penstock.dli import encoding
from penstock.domain import resources, settings_keys
from penstock.domain.errors import Invalid, NotAllowed

Level = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR"]
_LINE = re.compile(r"\s*[^\s=][^=]*=.*")
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


Key = Annotated[str, Meta(min_length=1)]
Scalar = str | int | float | bool


class RuntimeSetting(msgspec.Struct):
    key: Key
    value: Scalar


_SPELLINGS = 'runtime_config must be [{"key":"k","value":"v"}], {"k":"v"} or lines k=v'
_RUNTIME_CONFIG = msgspec.json.Decoder(list[RuntimeSetting] | dict[Key, Scalar])


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
    """Check the three spellings: a JSON list of key and value, a JSON object, or lines `k=v`.

    Raises `Invalid`, or `NotAllowed` for a key that is the operator's.
    """
    for key, value in _runtime_settings(text or ""):
        if _CONTROL.search(key) or _CONTROL.search(str(value)):
            raise Invalid(f"runtime_config: {key!r} must not hold control characters, nor its value")
        if settings_keys.is_denied(key.strip()):
            raise NotAllowed(f"runtime_config must not set {key.strip()}: {settings_keys.WHY_DENIED}")


def _runtime_settings(text: str) -> Iterable[tuple[str, Scalar]]:
    if not text.lstrip().startswith(("[", "{")):
        lines = [line for line in text.split("\n") if line.strip()]
        if not all(_LINE.fullmatch(line) for line in lines):
            raise Invalid(_SPELLINGS)
        return [(key.strip(), value.strip()) for key, _, value in (line.partition("=") for line in lines)]
    try:
        settings = _RUNTIME_CONFIG.decode(text)
    except (ValueError, RecursionError):
        raise Invalid(_SPELLINGS) from None
    return settings.items() if isinstance(settings, dict) else [(each.key, each.value) for each in settings]


def check_log_config(text: str | None) -> None:
    if text:
        _check_text("flink_log_config", text, LogConfig)


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
