"""What becomes of a script on a real Flink: exactly one job, or a refusal that says where and why."""

import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from penstock.flink import runner
from tests.flink.runner.flink import Flink
from tests.flink.runner.scripts import COUNT, INSERT, SETS, TABLES

pytestmark = pytest.mark.flink

ACCEPTED = {
    "one INSERT": INSERT,
    "no newline and empty statements": f";; {INSERT} ;;",
    "EXECUTE before INSERT": f"EXECUTE {INSERT}",
    "semicolons and quotes in comments": f"-- it's; `\n/* it's; ` */ // it's; `\n{INSERT} -- ; '",
    "semicolons in a string": "INSERT INTO sink SELECT a, 'x;''y;' FROM source",
    "a backslash in an escaped string": r"INSERT INTO sink SELECT a, E'it\'s;' FROM source",
    "semicolons in back-ticks": "INSERT INTO sink SELECT `x;``y` AS a, b FROM (SELECT a AS `x;``y`, b FROM source)",
    "comment signs in a string": "INSERT INTO sink SELECT a, '-- /* //' FROM source",
    "a hint": "INSERT INTO sink SELECT * FROM source /*+ OPTIONS('rows-per-second' = '7') */",
    "slashes in a setting without quotes": f"SET some.path = file:///x;\n{INSERT}",
    "every kind of definition": """
        CREATE CATALOG other WITH ('type' = 'generic_in_memory'); CREATE DATABASE other.d; USE other.d;
        ALTER DATABASE d SET ('k' = 'v'); DROP DATABASE IF EXISTS nothing; USE CATALOG default_catalog;
        CREATE TEMPORARY TABLE t (a INT) WITH ('connector' = 'datagen'); DROP TEMPORARY TABLE t;
        CREATE TABLE u (a INT) WITH ('connector' = 'datagen'); ALTER TABLE u ADD b STRING; DROP TABLE u;
        CREATE VIEW v AS SELECT * FROM source; ALTER VIEW v RENAME TO w; CREATE TEMPORARY VIEW x AS SELECT * FROM w;
        CREATE FUNCTION f AS 'a.B'; ALTER FUNCTION f AS 'a.C'; DROP FUNCTION f; DROP CATALOG other;
        UNLOAD MODULE core; LOAD MODULE core; USE MODULES core; RESET; RESET 'k';
        INSERT INTO sink SELECT * FROM x""",
}


@pytest.mark.parametrize("script", ACCEPTED.values(), ids=ACCEPTED)
def test_what_flink_understands_is_accepted(flink: Flink, script: str) -> None:
    assert "sink[" in flink.plan(TABLES + script)


def test_a_byte_order_mark_is_no_text(flink: Flink) -> None:
    assert "sink[" in flink.plan(f"\ufeff{TABLES}{INSERT}")


@pytest.mark.parametrize("script", SETS)
def test_all_inserts_of_a_script_are_one_job(flink: Flink, script: str) -> None:
    plan = flink.plan(TABLES + script)

    assert "sink[" in plan
    assert "sums[" in plan


def test_a_jar_that_is_on_the_class_path_already_is_not_loaded_again(flink: Flink) -> None:
    plan = flink.plan(f"{TABLES}ADD JAR 'obs://b/none.jar'; {INSERT}", jars=["obs://b/none.jar"])

    assert "sink[" in plan


def test_a_setting_reaches_the_planner_until_it_is_reset(flink: Flink) -> None:
    mini_batch = """SET 'table.exec.mini-batch.enabled' = 'true';
        SET table.exec.mini-batch.allow-latency = 1s; SET table.exec.mini-batch.size = 10;"""

    assert "GlobalGroupAggregate" in flink.plan(f"{TABLES}{mini_batch}{COUNT}")
    assert "GlobalGroupAggregate" not in flink.plan(f"{TABLES}{mini_batch}RESET;{COUNT}")
    assert "GlobalGroupAggregate" not in flink.plan(
        f"{TABLES}{mini_batch}RESET 'table.exec.mini-batch.enabled';{COUNT}"
    )


@pytest.mark.parametrize(
    "filler", ["-- it's;\n" * 110_000, "/*" + "';\n" * 350_000 + "*/"], ids=["lines", "one comment"]
)
def test_a_script_of_a_megabyte_keeps_its_places(flink: Flink, filler: str) -> None:
    line = filler.count("\n") + 5
    column = len(filler) - filler.rfind("\n")

    assert flink.refusal(f"{TABLES}{filler}SELECT 1") == (
        f"line {line}, column {column}: no sink: write INSERT INTO <table> before this query"
    )


@pytest.mark.parametrize("string", [f"'{'y;' * 500_000}'", "E'" + "\\';" * 330_000 + "'"], ids=["plain", "escaped"])
def test_a_string_of_a_megabyte_is_understood(flink: Flink, string: str) -> None:
    assert "sink[" in flink.plan(f"{TABLES}INSERT INTO sink SELECT a, {string} FROM source")


def test_the_api_wins_the_keys_that_it_owns_and_the_script_wins_the_rest(
    flink: Flink, run: Callable[..., str]
) -> None:
    settings = {
        "pipeline.name": "名 of the job",
        "parallelism.default": "1",
        "execution.checkpointing.interval": "7 s",
        "restart-strategy.type": "none",
    }
    script = f"""{TABLES} SET 'pipeline.name' = 'mine'; SET 'execution.checkpointing.interval' = '3 s';
        SET 'restart-strategy.type' = 'fixed-delay'; SET 'parallelism.default' = '2'; {INSERT}"""
    owned = ["pipeline.name", "execution.checkpointing.interval", "restart-strategy*"]

    job = flink.wait(run(script, rules={"owned": owned}, flinkConfiguration=settings), ("RUNNING",))

    execution = flink.http.get(f"/jobs/{job['jid']}/config").json()["execution-config"]
    checkpoints = flink.http.get(f"/jobs/{job['jid']}/checkpoints/config").json()
    assert job["name"] == "名 of the job"
    assert checkpoints["interval"] == 7000
    assert execution["restart-strategy"] == "Restart deactivated."
    assert execution["job-parallelism"] == 2


def test_rows_come_out_as_they_were_written(flink: Flink, run: Callable[..., str], tmp_path: Path) -> None:
    script = f"""CREATE TABLE rows_out (text STRING) WITH
        ('connector' = 'filesystem', 'path' = '{tmp_path.as_uri()}/out', 'format' = 'raw');
        SET 'table.dml-sync' = 'true'; -- would keep the submission waiting for the end of the job
        INSERT INTO rows_out VALUES ('a;b'), ('it''s -- /* '), (E'\\'é\\''), ('表 𝄞')"""

    flink.wait(run(script, parallelism=1), ("FINISHED",))

    written = "".join(part.read_text(encoding="utf-8") for part in (tmp_path / "out").iterdir() if part.is_file())
    assert sorted(written.split("\n")[:-1]) == ["'é'", "a;b", "it's -- /* ", "表 𝄞"]


def test_a_run_is_refused_like_a_plan_and_leaves_no_job(flink: Flink) -> None:
    before = flink.jobs()

    answer = flink.post("run", f"{TABLES}{INSERT};\nINSERT INTO sink SELECT nope, b FROM source")

    assert answer.is_error
    assert runner.refusal("\n".join(answer.json()["errors"])) == (
        "line 6, column 25: Column 'nope' not found in any table"
    )
    assert flink.jobs() == before


@pytest.mark.parametrize(
    "body", [{}, {"savepointPath": "file:///no/such/savepoint"}], ids=["the same id again", "a missing savepoint"]
)
def test_what_the_script_is_not_to_blame_for_is_no_refusal(
    flink: Flink, run: Callable[..., str], body: dict[str, Any]
) -> None:
    job_id = run(TABLES + INSERT, jobId=uuid.uuid4().hex)

    answer = flink.post("run", TABLES + INSERT, jobId=uuid.uuid4().hex if body else job_id, **body)

    assert answer.is_error
    assert runner.refusal("\n".join(answer.json()["errors"])) is None
