"""The runner: the small Java program that Flink runs to turn a script, or a user's program, into one job.

Its source lies in `src/`, the jar that `build.py` makes of it beside this file. One jar serves Flink 1.20 and 2.x:
upload it once, then run (or plan) scripts with `ENTRY_CLASS` and `program_arguments(...)`. A user's program runs
with `JAR_ENTRY_CLASS` and `jar_arguments(...)`, in a jar that holds both.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

JAR = Path(__file__).with_name("penstock-sql-runner.jar")
ENTRY_CLASS = "io.penstock.runner.SqlRunner"
JAR_ENTRY_CLASS = "io.penstock.runner.JarRunner"
DRAW = "graph=draw"
"""One more argument of a script that is planned: the name of the job then tells of its operators, as JSON."""
MAIN_PATIENCE_S = 100
"""How long the main of a program may take: less than Flink is given to answer (`rest.py`)."""

_REFUSAL = re.compile(r"^Caused by: io\.penstock\.runner\.Refusal: (.*)$", re.MULTILINE)


def upload_name() -> str:
    """Name the jar by its content, so that a cluster that holds another version of it is told apart."""
    return f"{JAR.stem}-{hashlib.sha256(JAR.read_bytes()).hexdigest()[:16]}{JAR.suffix}"


def program_arguments(
    script: str,
    *,
    owned: Iterable[str] = (),
    denied: Iterable[str] = (),
    jars: Iterable[str] = (),
    skips_dirty_records: bool = False,
    python: Iterable[str] = (),
) -> list[str]:
    """Give the `programArgsList` of a run; `*` in a key stands for anything.

    A `SET` of an *owned* key has no effect, because the service sets it itself; one of a *denied* key is refused,
    and so are ADD JAR and USING JAR of others than these *jars*, whose classes must be on the class path.
    What its tables cannot read makes the job fail, unless it is to skip that, or a table says otherwise.
    Functions in Python are those of the resource *python*, of which there is at most one.
    """
    rules: dict[str, Iterable[str]] = {
        "own": owned,
        "deny": denied,
        "jar": jars,
        "dirty": ["skip"] if skips_dirty_records else [],
        "python": python,
    }
    return [script, *(f"{rule}={each}" for rule, all_of_it in rules.items() for each in all_of_it)]


def operator_arguments(parallelism: Mapping[str, int]) -> list[str]:
    """Give more of them, which set the parallelism of operators by their ids."""
    return [f"parallelism={operator}={number}" for operator, number in parallelism.items()]


def jar_arguments(main_class: str, arguments: Iterable[str], patience_s: int = MAIN_PATIENCE_S) -> list[str]:
    """Give the `programArgsList` of a user's program, whose main may take so many seconds."""
    return [main_class, str(patience_s), *arguments]


def refusal(error_text: str) -> str | None:
    """Find in an error of Flink's REST API why the runner refused the script: "line L, column C: reason".

    Of a user's program it is "main class: reason". None: it is not to blame, or not known to be.
    """
    found = _REFUSAL.search(error_text)
    return found.group(1).rstrip("\r") if found else None
