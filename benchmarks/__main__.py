"""Run every benchmark, or those that are named: `python -m benchmarks [--write] [name ...]`."""

import argparse
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path

import psutil

from benchmarks import demo, first_answer, idle, polling, recovery, report, submit, together, truth
from penstock.domain import lines

PAGE = Path(__file__).resolve().parent.parent / "docs" / "benchmarks.md"
ALL: Mapping[str, Callable[[], report.Table]] = {
    "first_answer": first_answer.measure,
    "submit": submit.measure,
    "together": together.measure,
    "truth": truth.measure,
    "recovery": recovery.measure,
    "idle": idle.measure,
    "polling": polling.measure,
    "demo": demo.measure,
}
USE = (
    "`make bench` measures what follows; it takes about a quarter of an hour and downloads 367 MB. "
    "`python -m benchmarks.submit` is one of them alone, `python -m benchmarks.many` and "
    "`python -m benchmarks.throughput` are two more that take half an hour and a quarter of one, and "
    "`python -m benchmarks --write` writes this page anew. Each figure stands beside its reference from the same "
    "run: the ratios can be compared between machines, the times cannot."
)
MACHINE = (
    "This run: {processors} processors, {memory} GB of memory, {system}, Python {python}, Flink {flink}. The "
    "machine is a virtual one, shared with other work, so single times can be off by a factor of two."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", nargs="*", help=f"which to run: {', '.join(ALL)}; all unless given")
    parser.add_argument("--write", action="store_true", help=f"write docs/{PAGE.name}; only with all of them")
    options = parser.parse_args()
    if options.write and options.name:
        parser.error("--write needs all of them in one run")
    if unknown := set(options.name) - set(ALL):
        parser.error(f"there is no {', '.join(unknown)}")
    tables = []
    for name in options.name or ALL:
        tables.append(ALL[name]())
        print(tables[-1], flush=True)
    if options.write:
        PAGE.write_text(head() + "\n".join(map(str, tables)))


def head() -> str:
    machine = MACHINE.format(
        processors=os.cpu_count(),
        memory=round(psutil.virtual_memory().total / 1e9),
        system=platform.system(),
        python=platform.python_version(),
        flink=lines.RELEASES[lines.DEFAULT],
    )
    return f"# Benchmarks\n\n{report.paragraph(USE)}\n\n{report.paragraph(machine)}\n\n"


if __name__ == "__main__":
    main()
