"""The Flink of each line, and where the clusters of a queue lie."""

from dataclasses import replace
from pathlib import Path

import pytest

from penstock import engines
from penstock.domain.queue import Queue
from penstock.settings import Settings


def flink_at(folder: Path, release: str) -> Path:
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / f"flink-dist-{release}.jar").touch()
    return folder


def test_jobs_that_name_no_version_run_on_the_line_of_the_users_own_flink(tmp_path: Path) -> None:
    own = replace(Settings(), flink_home=flink_at(tmp_path / "own", "1.20.3"))
    assert [engines.default_line(each) for each in (Settings(), own)] == ["2.3", "1.20"]


def test_the_users_own_flink_runs_its_line_and_an_installed_one_the_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    for name in ("flink-2.3.0", "java-17"):
        (tmp_path / "engines" / name).mkdir(parents=True)
    java = tmp_path / "java" / "bin" / "java"
    java.parent.mkdir(parents=True)
    java.touch()
    (tmp_path / "java" / "release").write_text('JAVA_VERSION="17.0.9"')
    home = flink_at(tmp_path / "own", "1.20.3")
    own = replace(Settings(), flink_home=home, java=java, cache_dir=tmp_path)
    found = {line: engines.prepare_flink(own, lambda *_: None, line) for line in ("1.20", "2.3")}
    assert (found["1.20"].version, found["1.20"].lib) == ("1.20.3", home / "lib")
    assert (found["2.3"].version, found["2.3"].lib) == ("2.3.0", tmp_path / "engines/flink-2.3.0/pyflink/lib")


def test_clusters_of_two_lines_have_folders_of_their_own() -> None:
    queue = Queue("q", 8, project_id="p", id=7)
    assert [engines.engine_name(queue, line) for line in ("2.3", "1.20")] == ["queue-7", "queue-7/1.20"]
