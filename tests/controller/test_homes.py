"""The Flinks of a host, prepared when they are needed."""

import shutil
from pathlib import Path

from penstock.controller.homes import Homes
from penstock.flink.distribution import FlinkHome
from tests.controller.queues_world import wait_until


def test_a_flink_that_was_removed_is_prepared_again(tmp_path: Path) -> None:
    prepared: list[str] = []

    def prepare(line: str) -> FlinkHome:
        prepared.append(line)
        (tmp_path / "lib").mkdir()
        return FlinkHome("1.20.5", tmp_path / "lib", None, tmp_path / "java")

    homes = Homes(prepare, lambda: None)
    assert homes.lacks("1.20") == "Flink 1.20 is being prepared"
    wait_until(lambda: homes.lacks("1.20") is None)
    shutil.rmtree(tmp_path / "lib")
    wait_until(lambda: homes.lacks("1.20") is None)
    assert prepared == ["1.20", "1.20"]
