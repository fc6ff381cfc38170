"""The keys of Flink's settings that no script sets: some are the operator's, some are up to fields of the job."""

from collections.abc import Iterable
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
    "python.archives",
    "python.client.executable",
    "python.executable",
    "python.execution-mode",
    "python.files",
    "python.pythonpath",
    "python.requirements",
    "rest.*",
    "security.*",
    "state.checkpoint-storage",
)
"""Patterns, in which an asterisk stands for anything. `high-availability` is not denied: the official SDK's own
example sets it, and of a job it has no effect."""

OWNED = (
    "pipeline.name",
    "parallelism.default",
    "table.exec.resource.default-parallelism",
    "execution.checkpointing.interval",
    "execution.checkpointing.mode",
    "execution.checkpointing.dir",
    "execution.checkpointing.savepoint-dir",
    "execution.checkpointing.externalized-checkpoint-retention",
    "execution.checkpointing.timeout",
    "execution.savepoint.*",
    "execution.state-recovery.*",
    "state.checkpoints.dir",
    "state.savepoints.dir",
    "restart-strategy*",
)
"""Keys that the API's fields decide (DLI: create SQL job): the script's own `SET` of them is ignored."""

WHY_DENIED = "it decides who reaches the engine, what code it loads or where state lies"


def is_denied(key: str) -> bool:
    return matches(key, DENIED)


def matches(key: str, patterns: Iterable[str]) -> bool:
    return any(fnmatchcase(key, pattern) for pattern in patterns)
