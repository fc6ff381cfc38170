"""The clusters of a queue that gives each run one of its own."""

import os
import uuid
from pathlib import Path

import pytest

from penstock.flink.fleet import LOGS_KEPT, Fleet


@pytest.fixture
def fleet(tmp_path: Path) -> Fleet:
    return Fleet(tmp_path, "queue-7")


def left_behind(fleet: Fleet, run_id: str) -> Path:
    """Make what a cluster leaves that has died."""
    folder = fleet.data_dir / "engines" / "queue-7" / run_id
    for name in ("log", "tmp"):
        (folder / name).mkdir(parents=True)
    (folder / "log" / "jobmanager.log").write_text(run_id)
    return folder


def test_of_a_cluster_that_is_no_more_only_the_log_is_kept(fleet: Fleet) -> None:
    runs = {uuid.uuid4().hex for _ in range(2)}
    folders = {run_id: left_behind(fleet, run_id) for run_id in runs}
    assert fleet.run_ids() == runs
    retired, left = runs
    fleet.retire(retired)
    assert fleet.run_ids() == {left}
    queue = folders[retired].parent
    assert (queue / "logs" / retired / "jobmanager.log").read_text() == retired
    assert {each.name for each in queue.iterdir()} == {left, "logs"}


def test_the_logs_of_the_newest_few_are_kept(fleet: Fleet) -> None:
    runs = [uuid.uuid4().hex for _ in range(LOGS_KEPT + 2)]
    for age, run_id in enumerate(runs):
        os.utime(left_behind(fleet, run_id) / "log", (1_000_000 - age, 1_000_000 - age))
        fleet.retire(run_id)
    fleet.prune_logs()
    logs = fleet.data_dir / "engines" / "queue-7" / "logs"
    assert {each.name for each in logs.iterdir()} == set(runs[:LOGS_KEPT])
