"""Reads Flink's error texts: stack traces in, short reasons out."""

import re

_LONGEST = 600
_CHAINED = re.compile(r"^(?:Caused by: )?(?:[\w$]+\.)+([\w$]+)(?:: (.*))?$")
_THROWN = r"^(?:Caused by: )?(?:[\w.$]+: )*"
_DUPLICATE = re.compile(_THROWN + r"[\w.]+\.Duplicate(?:Job|Application)SubmissionException\b", re.MULTILINE)
_NO_SUCH_JAR = re.compile(r"Jar file \S.* does not exist")
_PERMANENT = (
    "The program's entry point class '.*' was not found",
    "Could not parse value '",
    r"\S+ is an unknown value of \w",
    "Could not find a file system implementation for scheme",
    "Parallelism must be at least one",
    "Vertex .* is higher than the max parallelism",
    "String value length .* exceeds the maximum allowed",
    "Cannot find (?:checkpoint or savepoint|meta data) file",
    "Unexpected magic number",
    "Unrecognized checkpoint version number",
    "Failed to rollback to checkpoint/savepoint",
    "Max parallelism mismatch between checkpoint/savepoint",
)
_WILL_NEVER_RUN = re.compile(rf"{_THROWN}((?:{'|'.join(_PERMANENT)}).*)", re.MULTILINE)
_RESTORE = re.compile(
    r"StateMigrationException|Failed to rollback to checkpoint/savepoint|Max parallelism mismatch"
    r"|Cannot map (?:checkpoint|savepoint)|BackendBuildingException|Unrecognized checkpoint version"
)


_PYTHON = re.compile(r"Traceback \(most recent call last\):\n((?:[ \t].*\n|\n)*)(\S.*)")
_PLACE = re.compile(r'File "(?!<|apache_beam/|pyflink/|[^"]*/lib/python\d)(?:[^"]*/)?([^"/]+)", line (\d+)')
"""In code of the user's: not in that of Python and its packages, of which those two are compiled."""


def root_cause(trace: str) -> str:
    """Return the innermost cause that says something, as `SomeException: what it says` in at most two lines.

    What Python has thrown is told with its place in the user's code.
    """
    thrown = list(_PYTHON.finditer(trace))
    if thrown:
        return _thrown_by_python(thrown[-1][1], thrown[-1][2])
    cause = ""
    for part in re.split(r"\n(?=Caused by: )", trace):
        lines = [line.rstrip() for line in part.splitlines() if line.strip() and not line.startswith("\t")]
        found = _CHAINED.match(lines[0]) if lines else None
        if found and found[2]:
            cause = "\n".join([f"{found[1]}: {found[2]}", *lines[1:2]])
        elif found and not cause:
            cause = found[1]
    return (cause or trace.strip())[:_LONGEST]


def _thrown_by_python(frames: str, thrown: str) -> str:
    places = list(_PLACE.finditer(frames))
    return thrown[:_LONGEST] + (f" ({places[-1][1]}:{places[-1][2]})" if places else "")


def is_duplicate(text: str) -> bool:
    """Say whether Flink refused a job because it has taken one of that id before."""
    return _DUPLICATE.search(text) is not None


def is_jar_gone(text: str) -> bool:
    """Say whether an uploaded jar is no longer there."""
    return _NO_SUCH_JAR.search(text) is not None


def permanent(text: str) -> str | None:
    """Find why Flink will never take a submission; None when that is not known: a full disk may get room again."""
    found = _WILL_NEVER_RUN.search(text)
    return found[1].rstrip()[:_LONGEST] if found else None


def is_restore_failure(trace: str) -> bool:
    """Say whether the state that the job was to start from does not fit it, or cannot be read."""
    return _RESTORE.search(trace) is not None
