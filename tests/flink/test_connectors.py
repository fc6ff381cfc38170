"""Connectors by name: the table of what is known to work, what is installed of it, and what a job misses."""

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from penstock.flink import connectors
from penstock.flink.connectors import Connector
from penstock.flink.distribution import FlinkHome, InstallFailed
from penstock.flink.maven import Artifact

KAFKA = ("flink-sql-connector-kafka-5.0.0-2.2.jar",)


def bring(artifact: Artifact, folder: Path) -> None:
    """Stand in for a repository: what is brought is checked by those that bring it."""
    (folder / artifact.file_name).write_bytes(b"a jar")


def break_off(artifact: Artifact, folder: Path) -> None:
    bring(artifact, folder)
    raise InstallFailed("broke off")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


@pytest.fixture
def home(tmp_path: Path, cache: Path) -> FlinkHome:
    """A Flink with one plugin of its own."""
    (tmp_path / "flink" / "plugins" / "metrics").mkdir(parents=True)
    return FlinkHome("2.3.0", tmp_path / "flink" / "lib", None, tmp_path / "java", cache)


# --- the table ---


@pytest.mark.parametrize(("name", "each"), connectors.table().items())
def test_the_table_says_for_each_line_what_works_or_why_nothing_does(name: str, each: Connector) -> None:
    assert sorted([*each.lines, *each.without], reverse=True) == ["2.3", "1.20"]
    assert all(re.fullmatch(r"(connector|format|scheme|database|language) [\w-]+", what) for what in each.provides)
    assert all(each.lines.values())
    assert all(each.without.values())


def test_no_release_is_made_for_a_later_line_than_the_one_it_is_for() -> None:
    built_for = [
        (jar.coordinates, line, found[1])
        for each in connectors.table().values()
        for line, jars in each.lines.items()
        for jar in jars
        if (found := re.search(r"org\.apache\.flink:.*-(\d\.\d+)$", jar.coordinates))
    ]
    assert built_for
    assert [each for each in built_for if _number(each[2]) > _number(each[1])] == []


def test_an_artifact_has_the_same_bytes_wherever_it_is_named() -> None:
    jars = [jar for each in connectors.table().values() for line in each.lines.values() for jar in line]
    assert len({jar.coordinates for jar in jars}) == len(set(jars))


def _number(line: str) -> list[int]:
    return [int(part) for part in line.split(".")]


# --- installing ---


def test_what_is_added_is_installed_for_its_line_until_it_is_removed(cache: Path) -> None:
    connectors.add("kafka", "2.3", cache, bring)
    assert connectors.installed("2.3", cache).keys() == {"kafka"}
    assert connectors.installed("1.20", cache) == {}
    connectors.remove("kafka", "2.3", cache)
    assert connectors.installed("2.3", cache) == {}
    assert [left.name for left in (cache / "engines" / "flink-2.3-connectors").iterdir()] == ["install.lock"]


def test_two_who_add_the_same_at_once_do_it_once(cache: Path) -> None:
    brought: list[str] = []

    def counted(artifact: Artifact, folder: Path) -> None:
        brought.append(artifact.file_name)
        bring(artifact, folder)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: connectors.add("kafka", "2.3", cache, counted), range(4)))
    assert tuple(brought) == KAFKA


def test_an_installation_that_breaks_off_leaves_what_was_there(cache: Path) -> None:
    with pytest.raises(InstallFailed, match="broke off"):
        connectors.add("kafka", "2.3", cache, break_off)
    assert connectors.installed("2.3", cache) == {}
    connectors.add("kafka", "2.3", cache, bring)
    (connectors.installed("2.3", cache)["kafka"] / KAFKA[0]).rename(cache / "engines" / "kafka-4.jar")
    with pytest.raises(InstallFailed, match="broke off"):
        connectors.add("kafka", "2.3", cache, break_off)
    assert connectors.installed("2.3", cache).keys() == {"kafka"}


def test_another_release_that_is_installed_goes_on_until_it_is_renewed(cache: Path, home: FlinkHome) -> None:
    connectors.add("kafka", "2.3", cache, bring)
    folder = connectors.installed("2.3", cache)["kafka"]
    (folder / KAFKA[0]).rename(folder / "flink-sql-connector-kafka-4.jar")
    assert not connectors.is_current("kafka", "2.3", cache)
    assert connectors.held(home) == ("flink-sql-connector-kafka-4.jar",)
    connectors.add("kafka", "2.3", cache, bring)
    assert connectors.is_current("kafka", "2.3", cache)
    assert connectors.held(home) == KAFKA


def test_it_can_be_told_that_one_is_being_installed(cache: Path, home: FlinkHome) -> None:
    told = [connectors.are_being_installed(home)]

    def bring_slowly(artifact: Artifact, folder: Path) -> None:
        told.append(connectors.are_being_installed(home))
        bring(artifact, folder)

    connectors.add("kafka", "2.3", cache, bring_slowly)
    told.append(connectors.are_being_installed(home))
    assert told == [False, True, False]


@pytest.mark.parametrize(
    ("name", "line", "reason"),
    [
        ("kafak", "2.3", "there is no connector 'kafak'; there are kafka, "),
        ("kafka", "1.15", "there are no connectors for Flink '1.15', only for 2.3, 1.20"),
        ("elasticsearch", "2.3", "there is no elasticsearch for Flink 2.3: "),
    ],
)
def test_what_the_table_does_not_have_is_refused(cache: Path, name: str, line: str, reason: str) -> None:
    with pytest.raises(InstallFailed, match=re.escape(reason)):
        connectors.add(name, line, cache, bring)


def test_what_is_not_installed_cannot_be_removed(cache: Path) -> None:
    with pytest.raises(InstallFailed, match="kafka is not installed for Flink"):
        connectors.remove("kafka", "2.3", cache)


def test_a_folder_of_jars_must_hold_the_pinned_ones(cache: Path, tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match=f"does not hold {KAFKA[0]}"):
        connectors.add("kafka", "2.3", cache, connectors.from_folder(tmp_path))
    (tmp_path / KAFKA[0]).write_bytes(b"another jar")
    with pytest.raises(InstallFailed, match="is not the release that Penstock was tested with"):
        connectors.add("kafka", "2.3", cache, connectors.from_folder(tmp_path))
    assert connectors.installed("2.3", cache) == {}


# --- what a cluster loads ---


def test_connectors_are_on_the_class_path_and_file_systems_are_plugins(cache: Path, home: FlinkHome) -> None:
    for name in ("kafka", "s3"):
        connectors.add(name, "2.3", cache, bring)
    folders = connectors.installed("2.3", cache)
    assert connectors.class_path(home) == [f"{folders['kafka']}/*"]
    assert connectors.plugins(home) == [home.lib.parent / "plugins" / "metrics", folders["s3"]]
    assert connectors.held(home) == ("flink-s3-fs-hadoop-2.3.0.jar", *KAFKA)


def test_python_is_installed_with_its_jar_and_flink_is_told_where(cache: Path, home: FlinkHome) -> None:
    asked: list[str] = []

    def install(requirements: Path, folder: Path) -> None:
        asked.append(requirements.read_text())
        (folder / "python" / "bin").mkdir(parents=True)
        (folder / "python" / "bin" / "python").touch()
        (folder / "requirements.txt").write_text(asked[-1])

    assert connectors.settings(home) == {}
    for _ in range(2):
        connectors.add("python-udf", "2.3", cache, bring, install)
    assert len(asked) == 1
    assert f"apache-flink=={connectors.table()['python-udf'].version('2.3')} " in asked[0]
    program = f"{connectors.installed('2.3', cache)['python-udf']}/python/bin/python"
    assert connectors.settings(home) == {"python.executable": program, "python.client.executable": program}
    Path(program).unlink()
    assert not connectors.is_current("python-udf", "2.3", cache)


@pytest.mark.parametrize(
    ("said", "advice"),
    [
        (
            "Could not find any factory for identifier 'kafka' that implements "
            "'org.apache.flink.table.factories.DynamicTableFactory' in the classpath.",
            "install it with: penstock connectors add kafka",
        ),
        (
            "Could not find any factory for identifier 'jdbc' that implements "
            "'org.apache.flink.table.factories.DynamicTableFactory' in the classpath.",
            "install it with: penstock connectors add jdbc-postgres or jdbc-mysql",
        ),
        (
            "Could not find any factory for identifier 'avro-confluent' that implements "
            "'org.apache.flink.table.factories.DeserializationFormatFactory' in the classpath.",
            "install it with: penstock connectors add avro-confluent",
        ),
        (
            "Could not find any format factory for identifier 'parquet' in the classpath.",
            "install it with: penstock connectors add parquet",
        ),
        (
            "Could not find a file system implementation for scheme 's3'. The scheme is directly supported",
            "install it with: penstock connectors add s3",
        ),
        (
            "LANGUAGE PYTHON needs a part of Flink that is not installed",
            "install it with: penstock connectors add python-udf",
        ),
    ],
)
def test_a_reason_ends_with_the_command_that_installs_what_is_missing(
    home: FlinkHome, said: str, advice: str
) -> None:
    assert (
        connectors.advised(f"line 1, column 1: {said}", home) == f"line 1, column 1: {said.rstrip('.')}; {advice}"
    )


@pytest.mark.parametrize(
    "said",
    [
        "Could not find any factory for identifier 'pulsar' that implements 'a.b.DynamicTableFactory' in",
        "Object 'kafka' not found",
    ],
)
def test_a_reason_that_none_of_ours_mends_stays_as_it_is(home: FlinkHome, said: str) -> None:
    assert connectors.advised(said, home) == said


MISSING = (
    "Could not find any factory for identifier '{}' that implements 'a.b.DynamicTableFactory' in the classpath"
)


def test_what_has_no_release_for_the_line_is_not_advised(home: FlinkHome) -> None:
    reason = connectors.advised(MISSING.format("elasticsearch-7"), home)
    assert "; there is no elasticsearch for Flink 2.3: " in reason


def test_what_is_installed_by_now_is_not_advised_again(home: FlinkHome, cache: Path) -> None:
    connectors.add("kafka", "2.3", cache, bring)
    assert "; it is installed by now" in connectors.advised(MISSING.format("kafka"), home)


def test_the_command_names_the_line_unless_it_is_the_newest(cache: Path) -> None:
    home = FlinkHome("1.20.5", cache, None, cache, cache)
    reason = connectors.advised(MISSING.format("kafka"), home)
    assert reason.endswith("; install it with: penstock connectors add kafka --flink 1.20")
