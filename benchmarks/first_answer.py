"""From the start of the process to its first answers, while Flink starts beside it."""

import subprocess
import sys
import time
from pathlib import Path

import httpx

from benchmarks import report, running
from penstock.client import ApiError, Client, Unreachable

ROUNDS = 9
REFERENCE = "import of uvicorn and Starlette"
EXPLANATION = (
    f"{ROUNDS} rounds of all in turn. The service is asked every 5 ms for `/healthz` and, once that answers, for a "
    "signed list; on a fresh data directory that includes reading the key that the start has made. The references "
    "are Python that does nothing, and Python that imports the web server and nothing else."
)


def measure() -> report.Table:
    times: dict[str, list[float]] = {}
    with running.folder() as kept:
        with running.ready(kept / "data"):
            pass  # Flink is installed from now on, and the later starts find a data directory
        for _ in range(ROUNDS):
            for name, took in one_round(kept / "data").items():
                times.setdefault(name, []).append(took)
    rows = [("until", "median", f"of the {REFERENCE}, by rounds (middle half)")]
    rows += [(name, report.seconds(each), report.ratio(each, times[REFERENCE])) for name, each in times.items()]
    return report.Table("The first answer", EXPLANATION, rows)


def one_round(existing: Path) -> dict[str, float]:
    took = {"`python -c pass`": python("pass"), REFERENCE: python("import uvicorn, starlette.applications")}
    with running.folder() as fresh:
        took["`/healthz`, fresh data directory"], took["signed list, fresh"] = start(fresh / "data")
    took["`/healthz`, existing data directory"], took["signed list, existing"] = start(existing)
    return took


def python(program: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", program], check=True)
    return time.perf_counter() - began


def start(data_dir: Path) -> tuple[float, float]:
    """Start the service, and give the seconds to its first answer and to its first signed list."""
    port = running.free_port()
    known = running.client(data_dir, port) if data_dir.exists() else None
    with httpx.Client(trust_env=False) as http:
        began = time.perf_counter()
        with running.serve(data_dir, port):
            running.wait_for(lambda: running.answers(http, port, "/healthz"), "an answer", every_s=0.005)
            alive = time.perf_counter() - began
            with known or running.client(data_dir, port) as client:
                running.wait_for(lambda: lists(client), "the list", every_s=0.005)
            return alive, time.perf_counter() - began


def lists(client: Client) -> bool:
    try:
        return "jobs" in client.list_jobs()
    except (ApiError, Unreachable):
        return False


if __name__ == "__main__":
    print(measure())
