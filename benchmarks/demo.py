"""`penstock demo` from an empty cache, by parts. It downloads Flink and Java, once."""

import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import report, running

COMMAND = ["-m", "penstock.cli.main", "demo", "--cache-dir"]
EXPLANATION = (
    "One run of `penstock demo` with an empty cache folder, and a second one with that cache beside it. *Download* "
    "is until the last package has arrived; *install* is the rest until Flink can be started."
)


def measure() -> report.Table:
    with running.folder() as folder:
        first, megabytes = play(folder)
        second, _ = play(folder)
    rows = [("part", "from an empty cache", "with the cache")]
    rows += [(part, f"{took:.1f} s", f"{second[part]:.1f} s") for part, took in first.items()]
    return report.Table("The demo", f"{EXPLANATION} {megabytes:.0f} MB were downloaded.", rows)


def play(cache: Path) -> tuple[dict[str, float], float]:
    """Play the demo, and give the seconds of each of its parts, and the megabytes that it downloaded."""
    began, downloaded, megabytes, last = time.monotonic(), 0.0, 0.0, ""
    for at, line in lines(cache):
        if found := re.search(r": 100 % of (\d+) MB", line):
            downloaded, megabytes = at - began, megabytes + float(found[1])
        last = line or last
    parts = {name: float(took) for name, took in re.findall(r"(\w[\w ]*?) ([\d.]+) s", last.partition("took: ")[2])}
    install = parts.pop("install")
    whole = time.monotonic() - began
    return {"download": downloaded, "install": max(0.0, install - downloaded), **parts, "all": whole}, megabytes


def lines(cache: Path) -> Iterator[tuple[float, str]]:
    """Follow the demo, line by line with the time of each."""
    with subprocess.Popen([sys.executable, *COMMAND, str(cache)], stdout=subprocess.PIPE, text=True) as demo:
        for line in demo.stdout or ():
            yield time.monotonic(), line.strip()
    if demo.returncode:
        raise RuntimeError(f"the demo ended with exit code {demo.returncode}")


if __name__ == "__main__":
    print(measure())
