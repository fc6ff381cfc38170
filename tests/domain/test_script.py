"""Which addresses of a script count, and what becomes of them."""

import pytest

from penstock.domain import script


def place_of(address: str) -> str:
    return "place of " + address.partition("://")[2]


@pytest.mark.parametrize(
    ("sql", "jars"),
    [
        ("ADD JAR 'obs://b/a.jar'", ["obs://b/a.jar"]),
        ("add jar\n -- why\n 's3://b/a.jar'; ADD JAR 's3://b/a.jar'", ["s3://b/a.jar"]),
        (
            "CREATE FUNCTION f AS 'a.B' USING JAR 'obs://b/a.jar', JAR 'obs://b/it''s.jar'",
            ["obs://b/a.jar", "obs://b/it's.jar"],
        ),
        ("ADD JAR 'https://host/a.jar'", []),
        ("-- ADD JAR 'obs://b/a.jar'", []),
        ("// ADD JAR 'obs://b/a.jar'", []),
        ("/* ADD JAR 'obs://b/a.jar' */ SELECT 1", []),
        ("SELECT 'ADD JAR ''obs://b/a.jar'''", []),
        ("SELECT E'ADD JAR \\'obs://b/a.jar\\''", []),
        ("SELECT `ADD JAR 'obs://b/a.jar'` FROM t", []),
        ("SELECT '-- '; ADD JAR 'obs://b/a.jar'", ["obs://b/a.jar"]),
        ("SET k = file:///x; ADD JAR 'obs://b/a.jar'", ["obs://b/a.jar"]),
        ("SELECT 'never closed; ADD JAR ''obs://b/a.jar''", []),
    ],
)
def test_the_jars_of_a_script_are_those_of_its_statements(sql: str, jars: list[str]) -> None:
    assert script.jars(sql) == jars


@pytest.mark.parametrize(
    ("sql", "made"),
    [
        (
            "CREATE TABLE t (n INT) WITH ('path' = 'obs://b/a')",
            "CREATE TABLE t (n INT) WITH ('path' = 'place of b/a')",
        ),
        ("CREATE CATALOG c with('warehouse'='s3://b/a/')", "CREATE CATALOG c with('warehouse'='place of b/a/')"),
        ("ALTER TABLE t SET ('path' = 'obs://b/a')", "ALTER TABLE t SET ('path' = 'place of b/a')"),
        (
            "INSERT INTO t /*+ OPTIONS('path'='obs://b/a') */ SELECT 1",
            "INSERT INTO t /*+ OPTIONS('path'='place of b/a') */ SELECT 1",
        ),
        (
            "CREATE TABLE WITH ('a' = 'obs://b/1', /* 'b' = 'obs://b/2' */ 'c' =\n -- why\n'obs://b/it''s')",
            "CREATE TABLE WITH ('a' = 'place of b/1', /* 'b' = 'obs://b/2' */ 'c' =\n -- why\n'place of b/it''s')",
        ),
    ],
)
def test_options_that_are_addresses_become_places(sql: str, made: str) -> None:
    assert script.located(sql, place_of).sql == made


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 'obs://b/a'",
        "SELECT 'x' = 'obs://b/a'",
        "WITH q AS (SELECT 'x' = 'obs://b/a') SELECT * FROM q",
        "CREATE TABLE t (n INT COMMENT 'obs://b/a') COMMENT 'obs://b/a' WITH ('k' = 'at obs://b/a')",
        "CREATE TABLE t WITH ('obs://b/a' = 'x')",
        "CREATE TABLE t WITH ('k' = '''path'' = ''obs://b/a''')",
        "-- WITH ('path' = 'obs://b/a')",
        "CREATE TABLE t WITH ('path' = 'file:///b/a', 'other' = 'hdfs://b/a')",
        "SET 'k' = 'obs://b/a'",
        "",
    ],
)
def test_nothing_else_is_changed(sql: str) -> None:
    assert script.located(sql, place_of) == script.Located(sql)


def test_a_reason_names_the_place_in_the_script_as_it_was_written() -> None:
    sql = "-- 😀\nCREATE TABLE t WITH ('a' = 'obs://b/a', 'b' = 'obs://b/b'); INSERT x;\nINSERT y"
    made = script.located(sql, lambda _: "file:///somewhere/long/and it's/far")
    for word in ("CREATE", "'a'", "'b'", "INSERT x", "INSERT y"):
        assert made.told(f"{place(made.sql, word)}: why") == f"{place(sql, word)}: why"
    within = made.told(f"{place(made.sql, 'far')}: why")
    assert within == f"{place(sql, chr(39) + 'obs://b/a')}: why"
    assert made.told("no such place") == "no such place"
    shorter = script.located(sql, lambda _: "x")
    assert shorter.told(f"{place(shorter.sql, 'INSERT x')}: why") == f"{place(sql, 'INSERT x')}: why"


def place(sql: str, word: str) -> str:
    before = sql[: sql.index(word)]
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
