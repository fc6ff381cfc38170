"""The logs of jobs: read in whole lines and from any byte, and written by a real Flink into a file for each job."""

import os
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from penstock.domain.engine import Cancel
from penstock.flink import job_logs, log_settings
from penstock.flink.buckets import Buckets
from penstock.flink.cluster import LocalCluster
from penstock.flink.engine import FlinkEngine
from penstock.flink.job_logs import JobLogs, LogFile, Piece
from tests.engine_contract import Case, Kind
from tests.flink.test_engine import FlinkWorld

RUN = "c0ffee00" * 4
NAME = "jobmanager.log"


NOISY = """
CREATE TABLE texts (t STRING) WITH (
  'connector' = 'datagen', 'rows-per-second' = '500', 'fields.t.length' = '9999'
);
CREATE TABLE sink (t STRING) WITH ('connector' = 'print');
INSERT INTO sink SELECT t FROM texts GROUP BY t;
"""


@pytest.fixture
def logs(tmp_path: Path) -> JobLogs:
    return JobLogs(tmp_path, Buckets(tmp_path / "buckets").scrub)


def put(tmp_path: Path, text: str | bytes, name: str = NAME) -> Path:
    file = job_logs.folder(tmp_path) / RUN / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    return file


def test_the_files_of_a_run_come_in_the_order_of_their_lines(logs: JobLogs, tmp_path: Path) -> None:
    processes = ["jobmanager", "taskmanager-1", "taskmanager-2", "taskmanager-10"]
    names = ["submit-client.log"]
    for process in processes:
        names += [f"{process}.log.{number}" for number in (2, 9, 10)] + [f"{process}.log"]
    for name in reversed([*names, "copied", "other.log", "jobmanager.log.x"]):
        os.utime(put(tmp_path, "line\n", name), (1000, 1000))
    assert logs.files(RUN) == [LogFile(name, 5, 1_000_000) for name in names]
    assert logs.run_ids() == {RUN}


def test_nothing_was_logged_for_a_run_without_logs(logs: JobLogs) -> None:
    assert (logs.run_ids(), logs.files(RUN), logs.read(RUN, NAME, 0, 10)) == (set(), [], None)


def test_a_file_is_read_on_in_whole_lines(logs: JobLogs, tmp_path: Path) -> None:
    put(tmp_path, "one\ntwö\nthr")
    assert logs.read(RUN, NAME, 0, 100) == Piece("one\ntwö\n", 0, 9, 12)
    assert logs.read(RUN, NAME, 0, 7) == Piece("one\n", 0, 4, 12)
    assert logs.read(RUN, NAME, 9, 100) == Piece("", 9, 9, 12)  # it is still being written
    assert logs.read(RUN, NAME, 50, 100) == Piece("", 12, 12, 12)


def test_a_file_can_be_read_by_the_number_that_it_will_get(logs: JobLogs, tmp_path: Path) -> None:
    put(tmp_path, "three\n")
    assert logs.read(RUN, f"{NAME}.1", 0, 100) == Piece("three\n", 0, 6, 6)
    put(tmp_path, "two\n", f"{NAME}.2")
    named = {number: logs.read(RUN, f"{NAME}.{number}", 0, 100) for number in range(5)}
    assert named == {0: None, 1: None, 2: Piece("two\n", 0, 4, 4), 3: Piece("three\n", 0, 6, 6), 4: None}


def test_a_line_longer_than_the_limit_comes_whole(logs: JobLogs, tmp_path: Path) -> None:
    put(tmp_path, b"abcdef\xff\nx\n")
    assert logs.read(RUN, NAME, 0, 4) == Piece("abcdef\N{REPLACEMENT CHARACTER}\n", 0, 8, 10)
    assert logs.read(RUN, NAME, 3, 4) == Piece("x\n", 8, 10, 10)


def test_of_a_line_without_end_only_the_beginning_is_read(logs: JobLogs, tmp_path: Path) -> None:
    put(tmp_path, "a" * 200_000 + "\nnext\n")
    first = logs.read(RUN, NAME, 0, 10)
    assert first is not None
    assert first.text == "a" * 65_536
    assert logs.read(RUN, NAME, first.next_offset, 10) == Piece("next\n", 200_001, 200_006, 200_006)


def test_no_choice_of_offset_and_limit_shows_a_path_of_the_host(logs: JobLogs, tmp_path: Path) -> None:
    size = put(tmp_path, f"a\nwrote {tmp_path}/buckets/b/chk-1 there\nb\n").stat().st_size
    shown = [logs.read(RUN, NAME, offset, limit) for offset in range(-size, size) for limit in (1, 7, 40)]
    texts = {line for piece in shown if piece for line in piece.text.splitlines()}
    assert texts == {"a", "wrote obs://b/chk-1 there", "b"}


@pytest.mark.parametrize(
    ("offset", "piece"),
    [(-4, Piece("two\n", 4, 8, 8)), (-5, Piece("two\n", 4, 8, 8)), (-99, Piece("one\ntwo\n", 0, 8, 8))],
)
def test_the_end_is_read_from_the_next_line_on(logs: JobLogs, tmp_path: Path, offset: int, piece: Piece) -> None:
    put(tmp_path, "one\ntwo\n")
    assert logs.read(RUN, NAME, offset, 100) == piece


@pytest.mark.parametrize(
    "name", ["../jobmanager.log", "copied", "jobmanager.out", "", "jobmanager.log.", "a/b.log"]
)
def test_nothing_else_is_read(logs: JobLogs, tmp_path: Path, name: str) -> None:
    put(tmp_path, "x\n")
    put(tmp_path, "x\n", "copied")
    assert logs.read(RUN, name, 0, 100) is None


def test_a_file_that_is_gone_by_now_is_not_exported(logs: JobLogs, tmp_path: Path) -> None:
    assert not logs.export(RUN, NAME, tmp_path / "copy")


def test_paths_of_the_host_are_taken_out_when_a_file_is_read_or_exported(logs: JobLogs, tmp_path: Path) -> None:
    put(tmp_path, f"wrote {tmp_path}/buckets/b/chk-1 and {tmp_path}/engines/default/upload\n")
    told = "wrote obs://b/chk-1 and engines/default/upload\n"
    piece = logs.read(RUN, NAME, 0, 1000)
    logs.export(RUN, NAME, tmp_path / "copy")
    assert (piece.text if piece else "", (tmp_path / "copy").read_text()) == (told, told)


def test_what_was_said_of_failed_submissions_is_kept_up_to_a_limit(logs: JobLogs, tmp_path: Path) -> None:
    for told in ("first\n\tat x", "second"):
        logs.note_failure(RUN, told)
    piece = logs.read(RUN, "submit-client.log", 0, 1000)
    assert piece is not None
    lines = piece.text.splitlines()
    assert [line.partition(",")[2][4:] or line for line in lines] == ["first", "\tat x", "second"]
    for _ in range(3):
        logs.note_failure(RUN, "x" * 1_000_000)
    assert logs.files(RUN)[0].size < 2_100_000
    assert (job_logs.folder(tmp_path) / RUN).stat().st_mode & 0o077 == 0


def test_only_what_was_written_since_the_last_copy_is_copied(logs: JobLogs, tmp_path: Path) -> None:
    os.utime(put(tmp_path, "x\n"), (1000, 1000))
    os.utime(put(tmp_path, "x\n", "taskmanager-1.log"), (2000, 2000))
    assert [file.name for file in logs.to_copy(RUN)] == [NAME, "taskmanager-1.log"]
    logs.note_copy(RUN, 1_500_000)
    assert [file.name for file in logs.to_copy(RUN)] == ["taskmanager-1.log"]
    logs.note_copy(RUN, 2_000_500)  # the clock of files may be behind
    assert [file.name for file in logs.to_copy(RUN)] == ["taskmanager-1.log"]
    logs.note_copy(RUN, 2_002_000)
    assert logs.to_copy(RUN) == []


# --- on a real Flink ---


@pytest.mark.flink
def test_each_job_has_files_of_its_own_which_are_closed_after_it(
    flink_cluster: LocalCluster, flink_engine: FlinkEngine, buckets: Buckets, tmp_path: Path
) -> None:
    folder = folder_of(flink_cluster)
    cases = [Case(FlinkWorld(flink_engine, buckets, tmp_path), each, Kind.NUMBERS) for each in (9001, 9002)]
    for case in cases:
        case.submit().until_running()
        for process in ("jobmanager", "taskmanager-1"):
            wait_for(
                lambda case=case, process=process: "RUNNING" in text(folder / case.run_id, process), "its lines"
            )
    for case, other in zip(cases, reversed(cases), strict=True):
        assert other.run_id not in text(folder / case.run_id, "*")
        flink_engine.perform(Cancel(case.run_id))
        case.until_ended()
    wait_for(lambda: not opened_below(flink_cluster, folder), "the files to be closed")
    assert "Registering TaskManager" in text(folder.parent / "engines" / "default" / "log", "jobmanager")


@pytest.mark.flink
def test_a_full_file_gets_a_number_that_only_grows_and_the_newest_few_are_kept(
    flink_cluster: LocalCluster, flink_engine: FlinkEngine, buckets: Buckets, tmp_path: Path
) -> None:
    case = Case(FlinkWorld(flink_engine, buckets, tmp_path), 9003, Kind.NUMBERS)
    case.job = replace(case.job, sql=NOISY)
    case.submit()
    logs = JobLogs(folder_of(flink_cluster).parent, buckets.scrub)
    wait_for(lambda: "taskmanager-1.log.6" in {file.name for file in logs.files(case.run_id)}, "full files")
    flink_engine.perform(Cancel(case.run_id))
    case.until_ended()
    full = [file for file in logs.files(case.run_id) if file.name.startswith("taskmanager-1.log.")]
    numbers = [int(file.name.rpartition(".")[2]) for file in full]
    assert numbers == list(range(numbers[-1] - len(full) + 1, numbers[-1] + 1))
    assert 3 <= len(full) <= 5
    assert max(file.size for file in full) < 6_000_000


def folder_of(cluster: LocalCluster) -> Path:
    """Read from the command line of a process where it logs for jobs."""
    assert cluster.unit is not None
    mark = f"-D{log_settings.JOB_LOGS}="
    words = psutil.Process(cluster.unit.pids[0]).cmdline()
    return next(Path(word.removeprefix(mark)) for word in words if word.startswith(mark))


def text(folder: Path, process: str) -> str:
    return "".join(file.read_text() for file in folder.glob(f"{process}.log"))


def opened_below(cluster: LocalCluster, folder: Path) -> list[str]:
    assert cluster.unit is not None
    opened = [file.path for pid in cluster.unit.pids for file in psutil.Process(pid).open_files()]
    return [path for path in opened if Path(path).is_relative_to(folder)]


def wait_for(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)
