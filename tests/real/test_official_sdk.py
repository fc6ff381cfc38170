import os
import subprocess
import sys

import pytest

from tests.real.conftest import Served

pytestmark = pytest.mark.flink


@pytest.mark.covers("C14")
def test_the_official_sdk_lives_through_the_life_of_jobs(served: Served) -> None:
    env = served.environment("keys", "create", "--project", "sdk", "--user", "maria")
    journey = subprocess.run(
        [sys.executable, "-m", "tests.real.sdk_journey", "maria"],
        env=os.environ | env,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert journey.returncode == 0, journey.stdout + journey.stderr
    assert "listed by 16 queries of one parameter each" in journey.stdout
    assert "deleted all 25" in journey.stdout
