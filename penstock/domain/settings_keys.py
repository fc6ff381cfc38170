"""The keys of Flink's settings that are the operator's: neither a job's settings nor its script may set them."""

from fnmatch import fnmatchcase

DENIED = (
    "$*",
    "blob.*",
    "classloader.*",
    "cluster.*",
    "env.*",
    "execution.checkpointing.storage",
    "execution.target",
    "job-result-store.*",
    "pipeline.classpaths",
    "pipeline.jars",
    "rest.*",
    "security.*",
    "state.checkpoint-storage",
)
"""Patterns, in which an asterisk stands for anything. `high-availability` is not denied: the official SDK's own
example sets it, and of a job it has no effect."""

WHY_DENIED = "it decides who reaches the engine, what code it loads or where state lies"


def is_denied(key: str) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in DENIED)
