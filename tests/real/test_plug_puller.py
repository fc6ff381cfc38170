"""A short run of the plug-puller; `python -m tests.real.chaos.plug_puller` is the long one."""

from pathlib import Path

import pytest

from tests.real.chaos import site
from tests.real.chaos.plug_puller import Plan, pull_plugs

SHORT = Plan(
    seed=1,
    faults=5,
    kinds=(
        "pause service",
        "write limit of service and kill JobManager",
        "kill service",
        "pause TaskManager",
        "kill everything",
    ),
    jobs=3,
    job_seconds=(8, 12),
    longest_hold_s=3,
    longest_pause_s=1,
)


@pytest.mark.flink
@pytest.mark.timeout(600)  # it took 280 s beside other work, twelve processes for each core
def test_whatever_plug_is_pulled_no_job_is_lost_doubled_stuck_or_miscounted(tmp_path: Path) -> None:
    with site.opened(tmp_path) as place:
        told = pull_plugs(place, SHORT, print)
    assert (told.troubles, len(told.episodes)) == ([], SHORT.faults), str(told)
    assert told.checked >= SHORT.jobs
