"""The contract on a real cluster, and what only Flink can show."""

import shlex
import socket
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from penstock.domain.engine import (
    Cancel,
    Ended,
    Ending,
    Engine,
    EngineUnavailable,
    Overview,
    Refused,
    StopWithSavepoint,
    Submit,
)
from penstock.domain.job import JarProgram, SavepointRequest
from penstock.flink.buckets import Buckets
from penstock.flink.engine import Engines, FlinkEngine
from penstock.flink.storage_map import InFolder, StorageMap
from tests.conftest import SLOTS, now_ms
from tests.engine_contract import Case, EngineContract, Kind
from tests.flink import programs

pytestmark = pytest.mark.flink

_GROUPS = """\
CREATE TABLE source (k INT, v INT) WITH ('connector' = 'datagen', 'rows-per-second' = '20');
CREATE TABLE sink (k INT, n {type}) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT MOD(k, 10), {aggregate} FROM source GROUP BY MOD(k, 10);
"""
_SQL = {
    Kind.NUMBERS: """\
CREATE TABLE numbers (n BIGINT) WITH ('connector' = 'datagen', 'rows-per-second' = '20',
    'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '10000');
CREATE TABLE produced (n BIGINT) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'file://{path}',
    'sink.rolling-policy.rollover-interval' = '200 ms', 'sink.rolling-policy.check-interval' = '100 ms');
INSERT INTO produced SELECT n FROM numbers;
""",
    Kind.MAXIMA: _GROUPS.format(type="STRING", aggregate="MAX(CAST(v AS STRING))"),
    Kind.SUMS: _GROUPS.format(type="BIGINT", aggregate="SUM(CAST(v AS BIGINT))"),
    Kind.BOUNDED: """\
CREATE TABLE source (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
CREATE TABLE sink (n INT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT n FROM source;
""",
    Kind.FAILING: f"""\
CREATE TABLE source (n INT) WITH ('connector' = 'datagen', 'rows-per-second' = '20',
    'fields.n.kind' = 'sequence', 'fields.n.start' = '1', 'fields.n.end' = '1000');
CREATE TABLE sink (n INT) WITH ('connector' = 'blackhole');
INSERT INTO sink SELECT CAST(SUBSTRING('{"1" * 29}x', n, 1) AS INT) FROM source;
""",
    Kind.WRONG: """\
CREATE TABLE sink (n INT) WITH ('connector' = 'blackhole');
INSERT INTO t SELECT n FROM nowhere;
""",
}

_PROGRAMS = {
    Kind.JAR_NUMBERS: ("io.penstock.programs.Counter", "{path}"),
    Kind.JAR_WRONG: ("io.penstock.programs.Misbehaving", "nothing"),
}
_DIRTY = {
    "csv": '1,ann\nx,bo\n3,"cy\n4,di\n',  # the quotation mark takes along all that follows
    "json": '{"n":1,"v":"ann"}\n{"n":"x","v":"bo"}\n{"n":3,\n{"n":4,"v":"di"}\n',
}
_READING = """\
CREATE TEMPORARY TABLE read_{format} (n INT, v STRING) WITH (
    'connector' = 'filesystem', 'format' = '{format}', 'path' = '{folder}/{format}'{said});
"""
_WRITING = """\
CREATE TABLE written (n INT, v STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = '{folder}/out');
INSERT INTO written {queries};
"""
PROGRAMS_JAR = "obs://programs/of/tests.jar"


class FlinkWorld:
    """The suite's cluster, and a folder that its jobs write to."""

    def __init__(self, engine: FlinkEngine, buckets: Buckets, output: Path) -> None:
        self.engine = engine
        self.buckets = buckets
        self.output = output

    def sql(self, kind: Kind, job_id: int) -> str:
        return _SQL.get(kind, "").replace("{path}", str(self.output / str(job_id)))

    def program(self, kind: Kind, job_id: int) -> JarProgram | None:
        main, arguments = _PROGRAMS.get(kind, (None, ""))
        if main is None:
            return None
        self.buckets.upload(programs.RECIPE.jar, PROGRAMS_JAR)
        return JarProgram(
            PROGRAMS_JAR, main, arguments.replace("{path}", shlex.quote(str(self.output / str(job_id))))
        )

    def away(self) -> Engine:
        return Engines(self.buckets, now_ms).at(closed_address())

    def has_state(self, address: str) -> bool:
        return self.buckets.state_at(address) is not None

    def produced(self, job_id: int) -> list[int]:
        files = (self.output / str(job_id)).glob("part-*")
        return [int(line) for file in files for line in file.read_text().split()]

    def place(self, address: str) -> Path:
        """Give the file or folder at an address, whether there is one or not."""
        root = Path(self.buckets.uri("obs://penstock/").removeprefix("file://")).parent
        return root / address.removeprefix("obs://")

    def no_savepoints(self, request: SavepointRequest) -> None:
        place = self.place(request.target)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("a file where Flink needs a folder")


def closed_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def world(flink_engine: FlinkEngine, buckets: Buckets, tmp_path: Path) -> Iterator[FlinkWorld]:
    yield FlinkWorld(flink_engine, buckets, tmp_path)
    seen = flink_engine.look([])
    assert isinstance(seen, Overview)
    for run_id in seen.strangers:
        flink_engine.perform(Cancel(run_id))


class TestFlinkEngine(EngineContract):
    pass


def test_a_cluster_that_is_away_performs_nothing(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.NUMBERS)
    with pytest.raises(EngineUnavailable):
        world.away().perform(Submit(case.job))


def test_a_job_whose_bucket_the_storage_map_does_not_name_is_refused_at_once(
    world: FlinkWorld, job_id: int, tmp_path: Path
) -> None:
    case = Case(world, job_id, Kind.NUMBERS)
    job = replace(case.job, config=replace(case.job.config, bucket="other"))
    engine = Engines(Buckets(tmp_path, StorageMap()), now_ms).at(closed_address())
    with pytest.raises(Refused, match=r"^there is no bucket 'other': the storage map does not name it$"):
        engine.perform(Submit(job))
    engine.close()


WRITING = """\
-- 'path' = 'obs://unknown/a'
CREATE TABLE numbers (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '2');
CREATE TABLE lake (t STRING) WITH ('connector' = 'filesystem', 'format' = 'raw',
  'path' = 'obs://{bucket}/the lake/{id}');
INSERT INTO lake SELECT 'obs://{bucket}/a' FROM numbers;"""


def writing_to(bucket: str, case: Case, more: str = "") -> Case:
    case.job = replace(case.job, sql=WRITING.format(bucket=bucket, id=case.job.id) + more)
    return case


def test_a_script_writes_to_an_address_of_a_bucket(world: FlinkWorld, job_id: int) -> None:
    assert writing_to("penstock", Case(world, job_id, Kind.BOUNDED)).submit().until_ended().how is Ending.FINISHED
    files = world.place(f"obs://penstock/the lake/{job_id}").glob("part-*")
    assert "".join(file.read_text() for file in files) == "obs://penstock/a\n" * 2


def test_a_mistake_behind_an_address_is_told_with_its_place_in_the_script(world: FlinkWorld, job_id: int) -> None:
    case = writing_to("penstock", Case(world, job_id, Kind.BOUNDED), " INSERT INTO t SELECT n FROM numbers")
    case.job = replace(case.job, sql=case.job.sql.replace("\n", " ").replace("-- 'path' = 'obs://unknown/a'", ""))
    with pytest.raises(Refused, match=rf"^line 1, column {case.job.sql.index('INSERT INTO t ') + 1}: Cannot find"):
        case.submit()


def test_a_script_that_names_a_bucket_that_is_not_there_is_refused(
    world: FlinkWorld, job_id: int, tmp_path: Path
) -> None:
    engine = Engines(Buckets(tmp_path, StorageMap()), now_ms).at(closed_address())
    with pytest.raises(Refused, match=r"^there is no bucket 'other': the storage map does not name it$"):
        engine.perform(Submit(writing_to("other", Case(world, job_id, Kind.BOUNDED)).job))
    engine.close()


def test_a_job_has_neither_the_bucket_nor_the_state_of_another_project(
    world: FlinkWorld, job_id: int, tmp_path: Path
) -> None:
    theirs = InFolder(tmp_path / "theirs", projects=frozenset({"theirs"}))
    buckets = Buckets(tmp_path, StorageMap({"theirs": theirs}, default=InFolder(tmp_path)))
    (tmp_path / "theirs" / "savepoint-1").mkdir(parents=True)
    (tmp_path / "theirs" / "savepoint-1" / "_metadata").touch()
    engine = Engines(buckets, now_ms).at(closed_address())
    resumed = Case(world, job_id, Kind.NUMBERS, resume_from="obs://theirs/savepoint-1/").job
    written = Case(world, job_id, Kind.NUMBERS).job
    for job in (resumed, replace(written, config=replace(written.config, bucket="theirs"))):
        with pytest.raises(Refused, match=r"^there is no bucket 'theirs': the storage map does not name it$"):
            engine.perform(Submit(job))
        with pytest.raises(EngineUnavailable):  # it is Flink that is not there
            engine.perform(Submit(replace(job, project_id="theirs")))
    engine.close()


def test_the_runner_is_uploaded_again_when_it_is_gone(world: FlinkWorld, job_id: int, flink_url: str) -> None:
    with httpx.Client(base_url=flink_url, trust_env=False) as http:
        for jar in http.get("/jars").json()["files"]:
            http.delete(f"/jars/{jar['id']}")
    assert Case(world, job_id, Kind.BOUNDED).submit().until_ended().how is Ending.FINISHED


def test_a_job_that_flink_restarts_in_place_tells_why_and_how_often(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.FAILING)
    config = replace(case.job.config, restart_on_failure=True, restart_limit_per_hour=1, checkpoint_enabled=False)
    case.job = replace(case.job, config=config)
    cause = case.submit().until(lambda seen: seen.cause)
    assert cause.startswith("NumberFormatException: ")
    ended = case.until_ended()
    assert (ended.how, ended.restarts, ended.ran) == (Ending.FAILED, 1, True)


def test_an_engine_that_sees_a_failed_job_for_the_first_time_knows_that_it_ran(
    world: FlinkWorld, job_id: int, flink_url: str
) -> None:
    case = Case(world, job_id, Kind.FAILING).submit()
    case.until_ended()
    case.world = FlinkWorld(Engines(world.buckets, now_ms).at(flink_url), world.buckets, world.output)
    ended = case.until_ended()
    assert isinstance(ended, Ended)
    assert ended.ran
    case.world.engine.close()


def test_a_job_larger_than_the_cluster_fails_without_having_run(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.BOUNDED)
    case.job = replace(case.job, config=replace(case.job.config, parallelism=2 * SLOTS))
    ended = case.submit().until_ended()
    assert (ended.how, ended.ran) == (Ending.FAILED, False)
    assert ended.cause is not None
    assert "required resources" in ended.cause


def test_a_savepoint_that_does_not_fit_the_program_is_refused_by_its_address(
    world: FlinkWorld, job_id: int
) -> None:
    first = Case(world, job_id, Kind.MAXIMA).submit()
    first.until_running()
    savepoint = first.stop_with_savepoint()
    with pytest.raises(Refused) as refused:
        Case(world, job_id, Kind.BOUNDED, savepoint).submit()
    assert savepoint.rstrip("/") in refused.value.reason
    assert "buckets of Flink" not in refused.value.reason


def test_no_answer_of_the_engine_names_a_path_of_the_host(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.NUMBERS).submit()
    case.until(lambda seen: seen.checkpoint)
    case.stop_with_savepoint()
    assert "buckets of Flink" not in repr(case.see())


def test_a_bucket_that_the_host_cannot_make_leaves_a_submission_open_and_refuses_a_savepoint(
    world: FlinkWorld, job_id: int
) -> None:
    blocked = f"blocked{job_id}"
    world.place(f"obs://{blocked}/").touch()
    case = Case(world, job_id, Kind.NUMBERS)
    running = replace(case.job, config=replace(case.job.config, bucket=blocked))
    reason = f"^cannot use obs://{blocked}/.*: File exists$"
    with pytest.raises(EngineUnavailable, match=reason):
        world.engine.perform(Submit(running))
    case.submit().until_running()
    with pytest.raises(Refused, match=reason):
        world.engine.perform(
            StopWithSavepoint(case.run_id, replace(case.ask_savepoint(), target=f"obs://{blocked}/"))
        )


def test_what_may_pass_leaves_a_submission_open_and_is_told_without_a_trace(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.NUMBERS)
    bucket = f"half-blocked{job_id}"
    case.job = replace(case.job, config=replace(case.job.config, bucket=bucket))
    folder = world.place(f"obs://{bucket}/jobs/checkpoint/")
    folder.mkdir(parents=True)
    (folder / str(job_id)).touch()
    with pytest.raises(EngineUnavailable, match=rf"^FileAlreadyExistsException: obs://{bucket}/\S+$"):
        case.submit()


def test_a_script_that_speaks_of_duplicates_is_refused_like_any_other(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.WRONG)
    case.job = replace(case.job, sql=case.job.sql.replace("nowhere", "`DuplicateJobSubmissionException`"))
    with pytest.raises(Refused, match="'DuplicateJobSubmissionException' not found"):
        case.submit()


def test_a_script_cannot_take_more_slots_than_its_job_is_counted_with(
    world: FlinkWorld, job_id: int, flink_url: str
) -> None:
    case = Case(world, job_id, Kind.BOUNDED)
    widened = "SET 'parallelism.default' = '3'; SET 'table.exec.resource.default-parallelism' = '3';"
    case.job = replace(case.job, sql=widened + case.job.sql)
    case.submit().until_ended()
    with httpx.Client(base_url=flink_url, trust_env=False) as http:
        vertices = http.get(f"/jobs/{case.run_id}").json()["vertices"]
    assert {vertex["parallelism"] for vertex in vertices} == {1}


def test_a_script_for_flink_1_can_write_rows_by_a_key_that_its_query_does_not_have(
    world: FlinkWorld, job_id: int
) -> None:
    case = Case(world, job_id, Kind.BOUNDED)
    case.job = replace(
        case.job,
        sql="""
        CREATE TABLE numbers (n INT) WITH ('connector' = 'datagen', 'number-of-rows' = '10');
        CREATE TABLE seen (times BIGINT, n INT, PRIMARY KEY (times) NOT ENFORCED) WITH ('connector' = 'blackhole');
        INSERT INTO seen SELECT COUNT(*), n FROM numbers GROUP BY n;
        """,
    )
    assert case.submit().until_ended().how is Ending.FINISHED


@pytest.mark.covers("E15")
@pytest.mark.parametrize(
    ("strategy", "said", "ending"),
    [
        ("0", "", Ending.FINISHED),
        ("0", ", '{}.ignore-parse-errors' = 'false'", Ending.FAILED),
        ("0", ", '{}.fail-on-missing-field' = 'true'", Ending.FAILED),
        ("1", "", Ending.FAILED),
        ("1", ", '{}.ignore-parse-errors' = 'true'", Ending.FINISHED),
    ],
)
def test_what_cannot_be_read_fails_the_job_or_is_skipped_as_its_table_says_or_else_its_strategy(
    world: FlinkWorld, job_id: int, strategy: str, said: str, ending: Ending
) -> None:
    formats = ["json"] if "missing" in said else ["csv", "json"]
    for name, text in _DIRTY.items():
        (world.output / name).write_text(text)
    sources = [
        _READING.format(format=each, folder=world.output.as_uri(), said=said.format(each)) for each in formats
    ]
    queries = " UNION ALL ".join(f"SELECT * FROM read_{each}" for each in formats)
    case = Case(world, job_id, Kind.BOUNDED)
    written = _WRITING.format(folder=world.output.as_uri(), queries=queries)
    config = replace(case.job.config, dirty_data_strategy=strategy)
    case.job = replace(case.job, sql="".join((*sources, written)), config=config)
    assert case.submit().until_ended().how is ending
    if ending is Ending.FINISHED:
        rows = [line for file in (world.output / "out").glob("part-*") for line in file.read_text().splitlines()]
        assert sorted(rows) == [",bo", ",bo", "1,ann", "1,ann", "4,di"]


def test_what_flink_would_say_to_every_submission_is_a_refusal(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.BOUNDED)
    case.job = replace(case.job, sql="SET 'pipeline.max-parallelism' = '1';" + case.job.sql)
    case.job = replace(case.job, config=replace(case.job.config, parallelism=2))
    with pytest.raises(Refused, match=r"^Vertex .* is higher than the max parallelism \(1\)"):
        case.submit()


def test_slots_are_counted(world: FlinkWorld) -> None:
    total, free = world.engine.slots()
    assert total == SLOTS
    assert 0 <= free <= total


def test_an_engine_without_its_cluster_says_why_it_is_not_ready(buckets: Buckets) -> None:
    engine = Engines(buckets, now_ms).at(closed_address())
    reason = engine.readiness()
    assert reason is not None
    assert reason.startswith("Flink does not answer: ")
    engine.close()


def test_the_checkpoint_before_the_newest_is_kept(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.NUMBERS).submit()
    case.until(lambda seen: seen.checkpoint and not seen.checkpoint.endswith("/chk-1/"))
    world.engine.perform(Cancel(case.run_id))
    newest = case.until_ended().checkpoint
    assert newest is not None
    number = int(newest.rstrip("/").rpartition("-")[2])
    kept = world.place(newest).parent.glob("chk-*/_metadata")
    assert {each.parent.name for each in kept} == {f"chk-{number}", f"chk-{number - 1}"}


def test_a_jobs_settings_reach_flink(world: FlinkWorld, job_id: int, flink_url: str) -> None:
    case = Case(world, job_id, Kind.NUMBERS)
    case.job = replace(case.job, name=f"name of {uuid.uuid4()}")
    case.submit().until_running()
    with httpx.Client(base_url=f"{flink_url}/jobs/{case.run_id}", trust_env=False) as http:
        assert http.get("").json()["name"] == case.job.name
        checkpointing = http.get("checkpoints/config").json()
    assert checkpointing["mode"] == "exactly_once"
    assert checkpointing["interval"] == 1000
    assert checkpointing["timeout"] == 24 * 3600 * 1000
    assert checkpointing["externalization"] == {"enabled": True, "delete_on_cancellation": False}
