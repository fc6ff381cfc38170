"""The SQL runner: the small Java program that Flink runs to turn a script into one job.

Its source lies in `src/`, the jar that `build.py` makes of it beside this file. One jar serves Flink 1.20 and 2.x:
upload it once, then run (or plan) it with `ENTRY_CLASS` and `program_arguments(...)`.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

JAR = Path(__file__).with_name("penstock-sql-runner.jar")
ENTRY_CLASS = "io.penstock.runner.SqlRunner"

_REFUSAL = re.compile(r"^Caused by: io\.penstock\.runner\.Refusal: (.*)$", re.MULTILINE)


def upload_name() -> str:
    """Name the jar by its content, so that a cluster that holds another version of it is told apart."""
    return f"{JAR.stem}-{hashlib.sha256(JAR.read_bytes()).hexdigest()[:16]}{JAR.suffix}"


def program_arguments(
    script: str, *, owned: Iterable[str] = (), denied: Iterable[str] = (), allow_jars: bool = False
) -> list[str]:
    """Give the `programArgsList` of a run; `*` in a key stands for anything.

    A `SET` of an *owned* key has no effect, because the service sets it itself; one of a *denied* key is refused,
    and so are ADD JAR and USING JAR unless jars are allowed.
    """
    rules = [f"own={key}" for key in owned] + [f"deny={key}" for key in denied]
    return [script, *rules, *(["allow=jars"] if allow_jars else [])]


def refusal(error_text: str) -> str | None:
    """Find in an error of Flink's REST API why the runner refused the script: "line L, column C: reason".

    None: the script is not to blame, or not known to be.
    """
    found = _REFUSAL.search(error_text)
    return found.group(1).rstrip("\r") if found else None
