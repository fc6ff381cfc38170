"""`flink_log_config`: how much a job's cluster logs, in all and by logger (DLI: create SQL job)."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from penstock.domain.errors import Invalid

_LOGGER = re.compile(r"[A-Za-z0-9_$]+(\.[A-Za-z0-9_$]+)*")


@dataclass(frozen=True)
class LogLevels:
    root: str = "INFO"
    by_logger: Mapping[str, str] = field(default_factory=dict)
    """By the name of a class or a package; plain words, so that they can stand in a file of settings."""


class _Document(msgspec.Struct):
    root_logger_level: str | None = None
    loggers_level_of_class: dict[str, str] | None = None


def parse(text: str | None) -> LogLevels:
    """Read a text whose levels were checked; raises `Invalid` for names that no class can have."""
    if not text:
        return LogLevels()
    given = msgspec.json.decode(text, type=_Document)
    by_logger = given.loggers_level_of_class or {}
    for name in by_logger:
        if not _LOGGER.fullmatch(name):
            raise Invalid(f"flink_log_config: {name!r} is not the name of a class or a package")
    return LogLevels(given.root_logger_level or LogLevels.root, by_logger)
