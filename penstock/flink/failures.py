"""Reads Flink's error texts: stack traces in, short reasons out."""

import re

_LONGEST = 600
_CHAINED = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)+([\w$]+)(?:: (.*))?$")
_DUPLICATE = re.compile(r"Duplicate(?:Job|Application)SubmissionException")
_NO_SUCH_JAR = re.compile(r"Jar file \S.* does not exist")
_NO_ANSWER = re.compile(r"(?:AskTimeout|FencingToken|RecipientUnreachable|RpcConnection)Exception")
_RESTORE = re.compile(
    r"StateMigrationException|Failed to rollback to checkpoint/savepoint|Max parallelism mismatch"
    r"|Cannot map (?:checkpoint|savepoint)|BackendBuildingException"
)


def root_cause(trace: str) -> str:
    """Return the innermost cause that says something, as `SomeException: what it says` in at most two lines."""
    cause = ""
    for part in re.split(r"\n(?=Caused by: )", trace):
        lines = [line.rstrip() for line in part.splitlines() if line.strip() and not line.startswith("\t")]
        found = _CHAINED.match(lines[0]) if lines else None
        if found and found[2]:
            cause = "\n".join([f"{found[1]}: {found[2]}", *lines[1:2]])
        elif found and not cause:
            cause = found[1]
    return (cause or trace.strip())[:_LONGEST]


def is_duplicate(text: str) -> bool:
    """Say whether Flink refused a job because it has taken one of that id before."""
    return _DUPLICATE.search(text) is not None


def is_jar_gone(text: str) -> bool:
    """Say whether an uploaded jar is no longer there."""
    return _NO_SUCH_JAR.search(text) is not None


def is_no_answer(text: str) -> bool:
    """Say whether Flink's own parts did not answer each other, which says nothing about the job."""
    return _NO_ANSWER.search(text) is not None


def is_restore_failure(trace: str) -> bool:
    """Say whether the state that the job was to start from does not fit it, or cannot be read."""
    return _RESTORE.search(trace) is not None
