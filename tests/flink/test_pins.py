"""Pins of connectors: which release is the newest that fits, and what becomes of the table's text."""

import pytest

from penstock.flink import connectors, pins
from penstock.flink.maven import Artifact
from penstock.flink.pins import Newer

SQL = "org.apache.flink:flink-sql-connector-kafka"
KAFKA = [*("1.15.0", "1.17.1", "3.2.0-1.19", "3.2.0-1.18", "3.3.0-1.20", "5.0.0-2.2"), "6.0.0-2.4", "5.1.0-2.2-rc1"]
FORMAT = "org.apache.flink:flink-sql-avro"
FORMATS = ["1.19.3", "1.20.0", "1.20.1", "2.0.0", "2.3.0", "2.3.1", "2.4.0", "2.3.0-preview"]
CDC = "org.apache.flink:flink-sql-connector-mysql-cdc"
DRIVER = "org.postgresql:postgresql"
REGISTRY = {
    SQL: KAFKA,
    FORMAT: FORMATS,
    CDC: ["3.1.1", "3.5.0", "3.6.0-1.20", "3.6.0-2.2"],
    DRIVER: ["9.4.1207", "42.7.9", "42.7.14", "42.7.15.jre7"],
}
TABLE = f"""\
# Kafka is said first.
[kafka]
purpose = "topics"
provides = ["connector kafka"]

[[kafka.lines."2.3"]]
coordinates = "{SQL}:5.0.0-2.2"
sha256 = "{"a" * 64}"
size = 1

[[kafka.lines."1.20"]]
coordinates = "{SQL}:3.2.0-1.19"
sha256 = "{"b" * 64}"
size = 2

[[kafka.lines."1.20"]]
coordinates = "{DRIVER}:42.7.9"
sha256 = "{"c" * 64}"
size = 3
"""


@pytest.mark.parametrize(
    ("module", "line", "release"),
    [
        (SQL, "2.3", "5.0.0-2.2"),
        (SQL, "1.20", "3.3.0-1.20"),
        (SQL, "1.18", "3.2.0-1.18"),
        (SQL, "1.14", None),
        (FORMAT, "2.3", "2.3.1"),
        (FORMAT, "1.20", "1.20.1"),
        (CDC, "2.3", "3.6.0-2.2"),
        (CDC, "1.20", "3.6.0-1.20"),
        (DRIVER, "1.20", "42.7.14"),
    ],
)
def test_the_newest_release_is_for_no_later_line(module: str, line: str, release: str | None) -> None:
    assert pins.newest(module, line, REGISTRY[module]) == release


def pinned(coordinates: str) -> Artifact:
    return Artifact(coordinates, "d" * 64, 4)


def test_only_pins_that_have_a_newer_release_are_renewed_and_all_else_stays() -> None:
    first, second = (
        ("kafka", "1.20", SQL, "3.2.0-1.19", "3.3.0-1.20"),
        ("kafka", "1.20", DRIVER, "42.7.9", "42.7.14"),
    )
    assert pins.outdated(TABLE, REGISTRY.__getitem__) == [Newer(*first), Newer(*second)]
    anew = TABLE.replace("3.2.0-1.19", "3.3.0-1.20").replace("42.7.9", "42.7.14")
    for old, size in (("b", 2), ("c", 3)):
        anew = anew.replace(f'"{old * 64}"\nsize = {size}', f'"{"d" * 64}"\nsize = 4')
    assert pins.renewed(TABLE, REGISTRY.__getitem__, pinned) == anew
    assert pins.outdated(anew, REGISTRY.__getitem__) == []


def test_a_registry_that_lacks_the_pinned_release_renews_nothing() -> None:
    behind = {SQL: ["3.0.0-1.17"], DRIVER: ["42.7.8"]}
    assert pins.renewed(TABLE, behind.__getitem__, pinned) == TABLE


def test_every_pin_of_the_table_is_found_in_its_text() -> None:
    jars = [jar for each in connectors.table().values() for of_line in each.lines.values() for jar in of_line]
    asked: list[str] = []

    def releases(module: str) -> list[str]:
        asked.append(module)
        return []

    pins.outdated(connectors.TABLE.read_text(), releases)
    assert sorted(asked) == sorted(jar.coordinates.rpartition(":")[0] for jar in jars)


def test_what_does_not_work_is_named_again_once_there_is_a_newer_release() -> None:
    jars = (Artifact(f"{CDC}:3.5.0", "a" * 64, 1),)

    def table(reason: str) -> dict[str, connectors.Connector]:
        return {"mysql-cdc": connectors.Connector("changes", (), {"1.20": jars}, {"2.3": reason})}

    told = Newer("mysql-cdc", "2.3", CDC, None, "3.6.0-2.2")
    assert [*pins.untried(table("its newest release, 3.5.0, does not work"), REGISTRY.__getitem__)] == [told]
    assert [*pins.untried(table("its newest release, 3.6.0-2.2, does not"), REGISTRY.__getitem__)] == []
