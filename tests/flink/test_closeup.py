"""The closer look at each run, when Flink's answers about one of them are in disorder."""

import json
from pathlib import Path

from penstock.domain.engine import Alive, Overview, Watched
from penstock.flink.buckets import Buckets
from penstock.flink.engine import Engines
from tests.conftest import now_ms
from tests.flink.conftest import Answers


def test_a_job_whose_details_cannot_be_read_hides_no_other(flink_says: Answers, tmp_path: Path) -> None:
    odd, good = "a" * 32, "b" * 32
    flink_says.say("/jobs/overview", json.dumps({"jobs": [row(odd), row(good)]}))
    for path in ("/exceptions", "/checkpoints", "/plan", "/metrics?get=numRestarts"):
        flink_says.say(f"/jobs/{odd}{path}", '{"odd":')
    trace = {"exceptionHistory": {"entries": [{"stacktrace": "java.io.IOException: disk full"}]}}
    flink_says.say(f"/jobs/{good}/exceptions", json.dumps(trace))
    engine = Engines(Buckets(tmp_path), now_ms).at(flink_says.url)
    seen = engine.look([Watched(odd), Watched(good)])
    engine.close()
    assert isinstance(seen, Overview)
    assert [(run_id, run.cause) for run_id, run in seen.runs.items() if isinstance(run, Alive)] == [
        (odd, None),
        (good, "IOException: disk full"),
    ]


def row(jid: str) -> dict[str, object]:
    tasks = {"total": 1, "running": 0, "finished": 0}
    times = {"start-time": 1, "end-time": -1, "last-modification": 2}
    return {"jid": jid, "name": "clicks", "state": "RESTARTING", "tasks": tasks} | times
