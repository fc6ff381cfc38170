"""What Flink is given to run for a job, as far as that can be told without Flink."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from penstock.domain.engine import Refused
from penstock.domain.errors import PackageNotFound
from penstock.domain.job import JarProgram, Job, JobConfig, JobType
from penstock.domain.package import Name
from penstock.flink import runner
from penstock.flink.buckets import Buckets, UnknownBucket
from penstock.flink.bundles import Bundles
from penstock.flink.storage_map import InFolder, StorageMap
from tests.domain.cases import job
from tests.jars import jar_of, put

MANIFEST = {"META-INF/MANIFEST.MF": "Main-Class: com.example.Rules\n"}
RULES = jar_of({**MANIFEST, "com/example/Rules.class": "rules"})


@pytest.fixture
def packages(tmp_path: Path) -> Callable[[str, bytes], str]:
    """Store a package."""

    def store(reference: str, content: bytes = RULES) -> str:
        put(tmp_path, f"obs://packages/{reference}", content)
        return reference

    return store


@pytest.fixture
def bundles(tmp_path: Path) -> Bundles:
    def find(project: str, name: Name) -> Path:
        file = tmp_path / "packages" / str(name)
        if project != "project" or not file.exists():
            raise PackageNotFound(f"package {name} does not exist")
        return file

    return Bundles(Buckets(tmp_path), find, limit=100_000)


def jar_job(entrypoint: str | None = "fraud/rules.jar", **fields: object) -> Job:
    return job(type=JobType.JAR, program=JarProgram(entrypoint, **fields))


def contents(bundles: Bundles, job: Job) -> dict[str, bytes]:
    with bundles.program(job) as program, zipfile.ZipFile(program.jar) as jar:
        return {name: jar.read(name) for name in jar.namelist()}


def refusal(bundles: Bundles, job: Job) -> str:
    with pytest.raises(Refused) as refused, bundles.program(job):
        pass
    return refused.value.reason


def test_a_script_without_jars_is_the_runner_s(bundles: Bundles) -> None:
    with bundles.program(job(sql="SELECT 'JAR ''obs://b/x.jar'''")) as program:
        assert (program.jar, program.entry_class, program.arguments[0]) == (
            runner.JAR,
            runner.ENTRY_CLASS,
            "SELECT 'JAR ''obs://b/x.jar'''",
        )


def test_a_jar_job_has_its_jars_as_libraries_and_its_files_as_resources(
    bundles: Bundles, packages: Callable[..., str], tmp_path: Path
) -> None:
    library = put(tmp_path, "obs://state/lib/a.jar", jar_of({"a": "a"}))
    made = contents(
        bundles,
        jar_job(
            packages("fraud/rules.jar"),
            dependency_jars=(library, packages("b.zip", jar_of({"b": "b"}))),
            dependency_files=(packages("fraud/model.csv", b"1,2"),),
        ),
    )
    own = {"lib/0-rules.jar": RULES, "lib/1-a.jar": jar_of({"a": "a"}), "lib/2-b.zip.jar": jar_of({"b": "b"})}
    with zipfile.ZipFile(runner.JAR) as ours:
        assert made == {name: ours.read(name) for name in ours.namelist()} | own | {"userData/model.csv": b"1,2"}


def test_its_main_is_the_one_it_names_or_else_that_of_the_manifest(
    bundles: Bundles, packages: Callable[..., str]
) -> None:
    packages("fraud/rules.jar")
    with bundles.program(jar_job(arguments="--topic 'card events' -x")) as program:
        assert program.entry_class == runner.JAR_ENTRY_CLASS
        assert program.arguments == ["com.example.Rules", "100", "--topic", "card events", "-x"]
    with bundles.program(jar_job(main_class="com.example.Other")) as program:
        assert program.arguments == ["com.example.Other", "100"]


def test_jars_within_the_jar_are_found_as_flink_would_find_them(
    bundles: Bundles, packages: Callable[..., str]
) -> None:
    packages(
        "fraud/rules.jar",
        jar_of({**MANIFEST, "lib/x/inner.jar": "inner", "lib/inner.jar": "another", "other/no.jar": "no"}),
    )
    made = contents(bundles, jar_job())
    inner = [content for name, content in made.items() if name.endswith("-inner.jar")]
    assert inner == [b"inner", b"another"]
    assert not any(name.endswith("no.jar") for name in made)


def test_nothing_is_left_of_a_bundle(bundles: Bundles, packages: Callable[..., str]) -> None:
    packages("fraud/rules.jar")
    with bundles.program(jar_job()) as program:
        folder = program.jar.parent
        assert folder.exists()
    assert not folder.exists()


def test_the_jars_of_a_script_are_libraries_and_the_runner_knows_them(
    bundles: Bundles, packages: Callable[..., str], tmp_path: Path
) -> None:
    place = put(tmp_path, "obs://state/udf.jar", jar_of({"a": "a"}))
    script = f"CREATE FUNCTION f AS 'a.B' USING JAR '{place}'; -- JAR 'obs://state/none.jar'"
    described = job(sql=script, config=JobConfig(udf_jar_url=packages("more.jar")))
    with bundles.program(described) as program:
        assert program.entry_class == runner.ENTRY_CLASS
        assert program.arguments[0] == script
        assert program.arguments[-2:] == ["jar=more.jar", f"jar={place}"]
    assert {"lib/0-more.jar", "lib/1-udf.jar"} <= set(contents(bundles, described))


@pytest.mark.parametrize(
    ("reference", "content", "resource"),
    [
        ("rules/limits.py", b"def f(): ...", "userData/limits.py"),
        ("rules/limits-2.zip", jar_of({"limits.py": "def f(): ..."}), "userData/functions.zip"),
    ],
)
def test_python_code_is_a_resource_that_the_runner_knows(
    bundles: Bundles, packages: Callable[..., str], reference: str, content: bytes, resource: str
) -> None:
    described = job(sql="SELECT 1", config=JobConfig(udf_jar_url=packages(reference, content)))
    with bundles.program(described) as program:
        assert program.arguments[-1] == f"python={resource}"
    made = contents(bundles, described)
    assert made[resource] == content
    assert not any(name.startswith("lib/") for name in made)


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        (
            "rules/my-limits.py",
            "'my-limits' is not a name that Python can import; call rules/my-limits.py otherwise",
        ),
        ("rules/none.py", "package rules/none.py does not exist"),
        ("rules/evil.zip", "rules/evil.zip is no zip that can be used: an entry leads out of it"),
    ],
)
def test_python_code_that_cannot_be_used_is_refused(
    bundles: Bundles, packages: Callable[..., str], reference: str, told: str
) -> None:
    packages("rules/my-limits.py", b"")
    packages("rules/evil.zip", jar_of({"../x": "y"}))
    assert refusal(bundles, job(config=JobConfig(udf_jar_url=reference))) == told


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"entrypoint": None}, "the job has no entrypoint"),
        ({"entrypoint": "fraud/none.jar"}, "package fraud/none.jar does not exist"),
        ({"entrypoint": "obs://state/none.jar"}, "there is no obs://state/none.jar"),
        ({"entrypoint": "fraud/text"}, "fraud/text is not a jar: File is not a zip file"),
        ({"dependency_jars": ("fraud/text",)}, "fraud/text is not a jar"),
        ({"dependency_jars": ("fraud/evil.jar",)}, "fraud/evil.jar is no jar that can be used: an entry leads out"),
        ({"dependency_files": ("none.csv",)}, "package none.csv does not exist"),
        ({"entrypoint": "fraud/evil.jar"}, "fraud/evil.jar is no jar that can be used"),
        ({"entrypoint": "fraud/lib.jar"}, "the manifest of fraud/lib.jar names no Main-Class, nor does the job"),
    ],
)
def test_what_will_never_run_is_refused_by_the_name_that_the_job_uses(
    bundles: Bundles, packages: Callable[..., str], tmp_path: Path, fields: dict[str, object], told: str
) -> None:
    packages("fraud/rules.jar")
    packages("fraud/text", b"text")
    packages("fraud/evil.jar", jar_of({"../x": "y"}))
    packages("fraud/lib.jar", jar_of({"a": "b"}))
    said = refusal(bundles, jar_job(**{"entrypoint": "fraud/rules.jar", **fields}))
    assert said.startswith(told)
    assert str(tmp_path) not in said


def test_a_package_of_another_project_is_none(bundles: Bundles, packages: Callable[..., str]) -> None:
    packages("fraud/rules.jar")
    other = job(project_id="other", type=JobType.JAR, program=JarProgram("fraud/rules.jar"))
    assert refusal(bundles, other) == "package fraud/rules.jar does not exist"


@pytest.mark.parametrize(
    ("inner", "told"),
    [
        ({f"lib/{n}.jar": bytes(60_000) for n in range(2)}, "holds 2 jars of 120000 bytes together"),
        ({f"lib/{n}.jar": "" for n in range(1001)}, "holds 1001 jars of 0 bytes together"),
    ],
)
def test_the_jars_within_a_jar_are_no_way_around_the_limit(
    bundles: Bundles, packages: Callable[..., str], inner: dict[str, bytes], told: str
) -> None:
    packages("fraud/rules.jar", jar_of({**MANIFEST, **inner}))
    assert refusal(bundles, jar_job()).startswith(f"fraud/rules.jar {told}; it can hold 1000 of")


def test_a_script_can_name_only_so_many_jars(bundles: Bundles) -> None:
    sql = "".join(f"ADD JAR 'obs://state/{number}.jar';" for number in range(101))
    assert refusal(bundles, job(sql=sql)) == "the script names 101 jars; it can have 100"


def test_what_a_comment_or_text_names_is_not_looked_for(tmp_path: Path) -> None:
    bundles = Bundles(Buckets(tmp_path, StorageMap()))
    for sql in ("-- ADD JAR 'obs://unknown/a.jar'", "SELECT 'ADD JAR ''obs://unknown/a.jar'''"):
        with bundles.program(job(sql=sql)) as program:
            assert program.arguments[0] == sql
    with pytest.raises(UnknownBucket), bundles.program(job(sql="ADD JAR 'obs://unknown/a.jar'")):
        pass


def test_a_jar_of_a_script_that_cannot_be_used_is_told_of(bundles: Bundles, tmp_path: Path) -> None:
    put(tmp_path, "obs://state/text.jar", b"text")
    said = refusal(bundles, job(sql="ADD JAR 'obs://state/text.jar'"))
    assert said == "obs://state/text.jar is not a jar: File is not a zip file"


def test_what_is_too_large_will_never_run(bundles: Bundles, tmp_path: Path) -> None:
    big = put(tmp_path, "obs://state/big.jar", bytes(100_001))
    told = "obs://state/big.jar is larger than 100000 bytes"
    assert refusal(bundles, jar_job(big)) == told
    assert refusal(bundles, job(sql=f"ADD JAR '{big}'")) == told


def test_the_options_of_tables_that_are_addresses_name_their_places(bundles: Bundles, tmp_path: Path) -> None:
    sql = "CREATE TABLE t (n INT) WITH ('connector' = 'filesystem', 'path' = 'obs://state/it''s here/')"
    with bundles.program(job(sql=sql)) as program:
        place = f"file://{tmp_path}/state/it's here"
        assert program.script.places == (place,)
        escaped = place.replace("'", "''")
        assert program.arguments[0] == sql.replace("obs://state/it''s here/", escaped)


def test_an_option_in_a_bucket_that_is_not_there_is_told_of(tmp_path: Path) -> None:
    sql = "CREATE TABLE t (n INT) WITH ('path' = 'obs://unknown/a')"
    bundles = Bundles(Buckets(tmp_path, StorageMap()))
    with pytest.raises(UnknownBucket, match="there is no bucket 'unknown'"), bundles.program(job(sql=sql)):
        pass


def test_what_a_killed_process_has_left_is_removed(tmp_path: Path) -> None:
    bundles = Bundles(Buckets(tmp_path), folder=tmp_path / "bundles" / "0")
    (tmp_path / "bundles" / "0" / "penstock-x").mkdir(parents=True)
    bundles.sweep()
    put(tmp_path, "obs://state/udf.jar", RULES)
    with bundles.program(job(config=JobConfig(udf_jar_url="obs://state/udf.jar"))) as program:
        assert program.jar.is_relative_to(tmp_path / "bundles" / "0")
    assert list((tmp_path / "bundles" / "0").iterdir()) == []


THEIRS = {
    "a jar of a statement": {"sql": "ADD JAR 'obs://theirs/a.jar'"},
    "the jar of functions": {"config": JobConfig(udf_jar_url="obs://theirs/a.jar")},
    "an option of a table": {"sql": "CREATE TABLE t (n INT) WITH ('path' = 'obs://theirs/a')"},
    "an entrypoint": {"program": JarProgram("obs://theirs/a.jar")},
    "a file": {"program": JarProgram("obs://state/a.jar", "a.B", dependency_files=("obs://theirs/a.jar",))},
}


@pytest.mark.parametrize("fields", THEIRS.values(), ids=THEIRS)
def test_a_bucket_of_another_project_is_none(tmp_path: Path, fields: dict[str, object]) -> None:
    theirs = InFolder(tmp_path / "theirs", projects=frozenset({"theirs"}))
    bundles = Bundles(Buckets(tmp_path, StorageMap({"theirs": theirs}, default=InFolder(tmp_path))))
    for name in ("theirs", "state"):
        put(tmp_path, f"obs://{name}/a.jar", RULES)
    with bundles.program(job(project_id="theirs", **fields)):
        pass
    with (
        pytest.raises(UnknownBucket, match=r"^there is no bucket 'theirs': the storage map does not name it$"),
        bundles.program(job(project_id="others", **fields)),
    ):
        pass
