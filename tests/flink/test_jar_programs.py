"""Programs of users on a real Flink: their jars and files, functions for scripts, and what no program should do."""

import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import psutil
import pytest

from penstock.domain.engine import Cancel, Ending, Overview, Refused
from penstock.domain.job import JarProgram, JobType
from penstock.flink import runner
from penstock.flink.buckets import Buckets
from penstock.flink.bundles import Bundles
from penstock.flink.cluster import LocalCluster
from penstock.flink.engine import FlinkEngine
from penstock.flink.rest import FlinkRest, RestError
from penstock.flink.uploads import Uploads
from tests.engine_contract import Case, Kind
from tests.flink import programs
from tests.flink.test_engine import FlinkWorld
from tests.jars import jar_of

pytestmark = pytest.mark.flink
covers = pytest.mark.covers

SHOUTING = """\
CREATE TABLE words (word STRING) WITH ('connector' = 'datagen', 'number-of-rows' = '3', 'fields.word.length' = '4');
CREATE TABLE shouts (word STRING) WITH ('connector' = 'filesystem', 'format' = 'csv', 'path' = 'file://{path}');
{function}
INSERT INTO shouts SELECT shout('a') FROM words;
"""


@pytest.fixture
def world(flink_engine: FlinkEngine, buckets: Buckets, tmp_path: Path) -> Iterator[FlinkWorld]:
    yield FlinkWorld(flink_engine, buckets, tmp_path)
    seen = flink_engine.look([])
    assert isinstance(seen, Overview)
    for stranger in seen.strangers:
        flink_engine.perform(Cancel(stranger))


def job_names(engine: FlinkEngine) -> set[str]:
    seen = engine.look([])
    assert isinstance(seen, Overview)
    return {stranger.name for stranger in seen.strangers.values()}


def upload(world: FlinkWorld, name: str, content: bytes) -> str:
    file, address = world.output / name, f"obs://programs/{name}"
    file.write_bytes(content)
    world.buckets.upload(file, address)
    return address


def jar_case(world: FlinkWorld, job_id: int, program: JarProgram) -> Case:
    case = Case(world, job_id, Kind.BOUNDED)
    case.job = replace(case.job, type=JobType.JAR, sql="", program=program)
    return case


def lines(world: FlinkWorld) -> list[str]:
    files = (world.output / "out").glob("part-*")
    return sorted(line for file in files for line in file.read_text().splitlines())


@covers("C19")
@covers("C20")
@covers("E16")
@covers("E17")
@covers("E18")
def test_a_program_uses_its_jars_files_and_arguments_in_main_and_in_its_tasks(
    world: FlinkWorld, job_id: int
) -> None:
    program = JarProgram(
        entrypoint=upload(world, "greeter.jar", programs.some("Greeter", "Lines")),
        main_class="io.penstock.programs.Greeter",
        arguments=f'\'{world.output}/out\' "very  \\"warm\\" welcome"',
        dependency_jars=(
            upload(world, "greeting.jar", programs.some("lib.Greeting")),
            upload(world, "mark.jar", programs.some("lib.Mark")),
        ),
        dependency_files=(upload(world, "names.csv", "Ann,Zoë".encode()),),
    )
    ended = jar_case(world, job_id, program).submit().until_ended()
    assert (ended.how, ended.cause) == (Ending.FINISHED, None)
    assert lines(world) == ['[very  "warm" welcome] Ann!', '[very  "warm" welcome] Zoë!']


def test_a_program_s_job_has_the_name_of_the_job(world: FlinkWorld, job_id: int) -> None:
    case = Case(world, job_id, Kind.JAR_NUMBERS).submit()
    case.until_running()
    seen = world.engine.look([])
    assert isinstance(seen, Overview)
    assert seen.strangers[case.run_id].name == case.job.name


WRONG = {
    "exit": "main has called System.exit, which would end Flink",
    "throw": "main has thrown java.lang.IllegalStateException: no broker (Misbehaving.java:{line})",
    "wait": "main has thrown java.lang.IllegalStateException: the job starts when main has returned; main cannot"
    " wait for it, or ask of it (Misbehaving.java:{line})",
    "nothing": "main has returned without execute(): there is no job to run",
    "twice": "main has called execute() 2 times; one program is one job",
    "both": "main has called execute() 2 times; one program is one job",
    "uids": "Flink cannot run what main has made: java.lang.IllegalArgumentException: Hash collision on"
    ' user-specified ID "one". Most likely cause is a non-unique ID. Please check that all IDs specified via'
    " `uid(String)` are unique.",
}


def line_of(text: str) -> int:
    source = programs.RECIPE.sources / "io" / "penstock" / "programs" / "Misbehaving.java"
    return next(number for number, line in enumerate(source.read_text().splitlines(), 1) if text in line)


@pytest.mark.parametrize(("how", "told"), WRONG.items(), ids=WRONG)
def test_a_program_that_makes_no_single_job_is_refused_and_leaves_nothing(
    world: FlinkWorld, job_id: int, how: str, told: str
) -> None:
    slots, _ = world.engine.slots()
    program = JarProgram(
        upload(world, "p.jar", programs.RECIPE.jar.read_bytes()), "io.penstock.programs.Misbehaving", how
    )
    with pytest.raises(Refused) as refused:
        jar_case(world, job_id, program).submit()
    line = line_of({"throw": "new IllegalStateException", "wait": "getJobExecutionResult"}.get(how, "class"))
    assert refused.value.reason == f"io.penstock.programs.Misbehaving: {told.format(line=line)}"
    assert f"contract {job_id}" not in job_names(world.engine)
    assert world.engine.slots()[0] == slots


@pytest.mark.parametrize(
    ("main", "told"),
    [
        ("io.penstock.Nothing", "there is no such class in the jars of the program"),
        ("io.penstock.programs.Shout", "it has no public static void main(String[])"),
    ],
)
def test_a_program_without_its_main_is_refused(world: FlinkWorld, job_id: int, main: str, told: str) -> None:
    program = JarProgram(upload(world, "p.jar", programs.RECIPE.jar.read_bytes()), main)
    with pytest.raises(Refused) as refused:
        jar_case(world, job_id, program).submit()
    assert refused.value.reason == f"{main}: {told}"


UNLOADABLE = {
    "built for a newer Java": (
        "Shout",
        lambda: newer_java(programs.some("Shout")),
        "it cannot be loaded: java.lang.UnsupportedClassVersionError: io/penstock/programs/Shout has been compiled"
        " by a more recent version of the Java Runtime (class file version 99.0), this version of the Java Runtime"
        " only recognizes class file versions up to 61.0",
    ),
    "without a class that it extends": (
        "Misbehaving$Heir",
        lambda: programs.some("Misbehaving$Heir"),
        "it cannot be loaded: java.lang.ClassNotFoundException: io.penstock.programs.Misbehaving$Ancestor",
    ),
}


def newer_java(jar: bytes) -> bytes:
    """Make the classes of a jar those of a Java to come."""
    with zipfile.ZipFile(io.BytesIO(jar)) as classes:
        return jar_of(
            {name: classes.read(name)[:6] + b"\0\x63" + classes.read(name)[8:] for name in classes.namelist()}
        )


@pytest.mark.parametrize(("main", "make", "told"), UNLOADABLE.values(), ids=UNLOADABLE)
def test_a_program_that_cannot_be_loaded_is_refused_with_java_s_reason(
    world: FlinkWorld, job_id: int, main: str, make: Callable[[], bytes], told: str
) -> None:
    program = JarProgram(upload(world, "p.jar", make()), f"io.penstock.programs.{main}")
    with pytest.raises(Refused) as refused:
        jar_case(world, job_id, program).submit()
    assert refused.value.reason == f"io.penstock.programs.{main}: {told}"


def test_a_program_that_never_returns_is_given_up_and_the_next_one_runs(
    world: FlinkWorld, job_id: int, flink_url: str
) -> None:
    file = upload(world, "p.jar", programs.RECIPE.jar.read_bytes())
    job = jar_case(world, job_id, JarProgram(file, "io.penstock.programs.Misbehaving")).job
    rest = FlinkRest(flink_url)
    arguments = runner.jar_arguments("io.penstock.programs.Misbehaving", ["hang"], patience_s=1)
    with Bundles(world.buckets).program(job) as program:
        hanging = replace(program, arguments=arguments)
        with pytest.raises(RestError) as refused:
            Uploads(rest).run(hanging, {})
    rest.close()
    told = "main has not returned within 1 s; it ends with execute(), and waits for nothing"
    assert runner.refusal(refused.value.text) == f"io.penstock.programs.Misbehaving: {told}"
    assert Case(world, job_id, Kind.BOUNDED).submit().until_ended().how is Ending.FINISHED


@covers("E14")
@pytest.mark.parametrize(
    ("by_field", "function"),
    [
        (True, "CREATE FUNCTION shout AS 'io.penstock.programs.Shout';"),
        (False, "CREATE FUNCTION shout AS 'io.penstock.programs.Shout' LANGUAGE JAVA USING JAR '{jar}';"),
        (False, "CREATE TEMPORARY SYSTEM FUNCTION shout AS 'io.penstock.programs.Shout' USING JAR '{jar}';"),
        (False, "ADD JAR '{jar}'; CREATE TEMPORARY FUNCTION shout AS 'io.penstock.programs.Shout';"),
    ],
)
def test_a_script_makes_functions_of_the_classes_of_a_jar(
    world: FlinkWorld, job_id: int, by_field: bool, function: str
) -> None:
    jar = upload(world, "shout.jar", programs.some("Shout"))
    script = SHOUTING.format(path=world.output / "out", function=function.format(jar=jar))
    case = Case(world, job_id, Kind.BOUNDED)
    case.job = replace(case.job, sql=script)
    if by_field:
        case.job = replace(case.job, config=replace(case.job.config, udf_jar_url=jar))
    assert case.submit().until_ended().how is Ending.FINISHED
    assert lines(world) == ['"A!"'] * 3


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("ADD JAR 'obs://programs/none.jar'", "there is no jar at obs://programs/none.jar"),
        (
            "CREATE FUNCTION f AS 'a.B' USING JAR 'obs://programs/none.jar'",
            "there is no jar at obs://programs/none.jar",
        ),
        (
            "CREATE FUNCTION f AS 'a.B' USING JAR 'https://host/x.jar'",
            "only a jar in a bucket can be used: JAR 'obs://bucket/folder/file.jar'",
        ),
    ],
)
def test_a_jar_that_a_script_cannot_have_is_refused_with_its_place(
    world: FlinkWorld, job_id: int, statement: str, told: str
) -> None:
    case = Case(world, job_id, Kind.BOUNDED)
    case.job = replace(case.job, sql=f"-- a comment\n  {statement};\n{case.job.sql}")
    with pytest.raises(Refused) as refused:
        case.submit()
    assert refused.value.reason == f"line 2, column 3: {told}"


def test_the_jars_of_submissions_do_not_pile_up(
    world: FlinkWorld, job_id: int, flink_cluster: LocalCluster, flink_url: str
) -> None:
    before = copies_below(flink_cluster)  # Flink leaves one of a duplicate, whose main it does not call
    case = Case(world, job_id, Kind.JAR_NUMBERS).submit()
    case.until_running()
    with pytest.raises(Refused):
        Case(world, job_id, Kind.JAR_WRONG).submit()
    with httpx.Client(base_url=flink_url, trust_env=False) as http:
        held = [jar["name"] for jar in http.get("/jars").json()["files"]]
    assert not [name for name in held if name.startswith("penstock-once-")]
    world.engine.perform(Cancel(case.run_id))
    case.until_ended()
    assert copies_below(flink_cluster) <= before


def copies_below(cluster: LocalCluster) -> set[Path]:
    """Find the files of the cluster that hold classes of the tests' programs."""
    mark = b"io/penstock/programs/Counter"
    kept_an_hour = "blobStorage"  # of a job that has ended
    files = [each for each in folder_of(cluster).rglob("*") if each.is_file() and kept_an_hour not in each.parts]
    return {file for file in files if mark in file.read_bytes()}


def folder_of(cluster: LocalCluster) -> Path:
    assert cluster.unit is not None
    process = psutil.Process(cluster.unit.pids[0])
    return Path(process.cwd())
