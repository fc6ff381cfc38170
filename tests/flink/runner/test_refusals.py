"""Why a script is refused, and where: found by planning it on a real Flink."""

import pytest

from tests.flink.runner.flink import Flink
from tests.flink.runner.scripts import COUNT, INSERT, SETS, TABLES

pytestmark = pytest.mark.flink

NO_CONNECTOR = (
    "Could not find any factory for identifier 'nowhere' that implements "
    "'org.apache.flink.table.factories.DynamicTableFactory' in the classpath."
)
QUESTION = "only answers a question; a script holds SET, definitions and INSERT INTO"
OWN_JOB = "would start a job of its own; a script is one job made of INSERT INTO"
NO_JARS = "only a jar in a bucket can be used: JAR 'obs://bucket/folder/file.jar'"

REFUSED = {
    # what a script needs
    "nothing": ("", "line 1, column 1: no sink: the script has no INSERT INTO"),
    "comments only": ("-- x\n/* y */", "line 1, column 1: no sink: the script has no INSERT INTO"),
    "definitions only": (TABLES, "line 1, column 1: no sink: the script has no INSERT INTO"),
    "a query": ("\n SELECT 1", "line 2, column 2: no sink: write INSERT INTO <table> before this query"),
    "a query that is executed": (
        "EXECUTE SELECT 1",
        "line 1, column 1: no sink: write INSERT INTO <table> before this query",
    ),
    # what Flink's parser finds
    "a word too many": (
        f"{TABLES}INSERT INTO sink SELECT a, b FORM source",
        'line 5, column 35: Encountered "source".',
    ),
    "an end too early": (
        f"{TABLES}INSERT INTO sink SELECT a, b\nFROM (SELECT 1;",
        'line 6, column 14: Encountered "<EOF>".',
    ),
    "a full-width comma": (
        f"{TABLES}INSERT INTO sink SELECT a， b FROM source",
        'line 5, column 26: Lexical error. Encountered: "，" (65292), after : ""',
    ),
    "few ways on": (
        "DROP TABLES x",
        'line 1, column 6: Encountered "TABLES".',
    ),
    "an unknown table": (
        f"{TABLES}INSERT INTO sink SELECT * FROM nothing",
        "line 5, column 32: Object 'nothing' not found",
    ),
    "an unknown sink": (
        f"{TABLES} INSERT INTO nothing SELECT * FROM source",
        "line 5, column 2: Cannot find table '`default_catalog`.`default_database`.`nothing`' "
        "in any of the catalogs [default_catalog], nor as a temporary table.",
    ),
    "an unknown function": (
        f"{TABLES}INSERT INTO sink SELECT a, F(b) FROM source",
        "line 5, column 28: No match found for function signature F(<CHARACTER>)",
    ),
    "an unknown type": ("CREATE TABLE t (a NUMBER)", "line 1, column 19: Unknown identifier 'NUMBER'"),
    # where it stands in the whole script
    "after a statement on the same line": (
        f"{TABLES}{INSERT}; INSERT INTO sink SELECT nope, b FROM source",
        "line 5, column 64: Column 'nope' not found in any table",
    ),
    "after carriage returns": (
        f"{TABLES}{INSERT};\r\n\r\nINSERT INTO sink\r\n  SELECT nope, b FROM source",
        "line 8, column 10: Column 'nope' not found in any table",
    ),
    "after comments and tabs": (
        f"{TABLES}/* ;\n' */ INSERT -- ;\n\tINTO sink SELECT/* */nope, b FROM source",
        "line 7, column 23: Column 'nope' not found in any table",
    ),
    "after characters of every width": (
        f"{TABLES}INSERT INTO sink SELECT '表é𝄞' AS x, nope /* 𝄞 */ FROM source",
        "line 5, column 37: Column 'nope' not found in any table",
    ),
    "after a comment of every width": (
        f"{TABLES}/* 表é𝄞 */ INSERT INTO sink SELECT nope, b FROM source",
        "line 5, column 35: Column 'nope' not found in any table",
    ),
    "in a statement set": (
        f"{TABLES}EXECUTE STATEMENT SET\nBEGIN {INSERT};\nINSERT INTO sink SELECT nope, b FROM source; END",
        "line 7, column 25: Column 'nope' not found in any table",
    ),
    # what Flink's planner finds
    "an unknown connector": (
        f"{TABLES}{INSERT};\n INSERT INTO lost SELECT * FROM source",
        "line 6, column 2: Unable to create a sink for writing table 'default_catalog.default_database.lost'. "
        f"{NO_CONNECTOR} Available factory identifiers are:",
    ),
    "an unknown connector in a statement set": (
        f"{TABLES}EXECUTE STATEMENT SET BEGIN {INSERT};\n /* ; */ INSERT INTO lost SELECT * FROM source; END",
        "line 6, column 10: Unable to create a sink for writing table 'default_catalog.default_database.lost'. "
        f"{NO_CONNECTOR} Available factory identifiers are:",
    ),
    "a missing option": (
        f"{TABLES}CREATE TABLE f (a INT, b STRING) WITH ('connector' = 'filesystem');\n"
        "INSERT INTO f SELECT * FROM source",
        "line 6, column 1: Unable to create a sink for writing table 'default_catalog.default_database.f'. "
        "One or more required options are missing. Missing required options are: format path",
    ),
    "too few columns": (
        f"{TABLES}INSERT INTO sink SELECT a FROM source",
        "line 5, column 1: Column types of query result and sink for 'default_catalog.default_database.sink' "
        "do not match. Cause: Different number of columns. Query schema: [a: INT] Sink schema: [a: INT, b: STRING]",
    ),
    "an INSERT OVERWRITE": (
        f"{TABLES}CREATE TABLE f (a INT) WITH ('connector' = 'filesystem', 'path' = '/x', 'format' = 'csv');\n"
        "INSERT OVERWRITE f SELECT a FROM source",
        "line 6, column 1: Streaming mode not support overwrite.",
    ),
    "a missing class": (
        f"{TABLES}CREATE FUNCTION f AS 'a.B';\nINSERT INTO sink SELECT a, f(b) FROM source",
        "line 6, column 1: Cannot instantiate user-defined function 'default_catalog.default_database.f'. "
        "ClassNotFoundException: a.B",
    ),
    "a statement nested too deeply": (
        f"{TABLES}INSERT INTO sink SELECT {'(' * 20_000}a{')' * 20_000}, b FROM source",
        "line 5, column 1: the statement is nested too deeply",
    ),
    # what a definition meets
    "a table twice": (
        f"{TABLES}CREATE TABLE sink (a INT)",
        "line 5, column 1: Could not execute CreateTable in path `default_catalog`.`default_database`.`sink`: "
        "Table (or view) default_database.sink already exists in Catalog default_catalog.",
    ),
    "a catalog of unknown type": (
        "CREATE CATALOG c WITH ('type' = 'nope')",
        "line 1, column 1: Unable to create catalog 'c'. Could not find any factory for identifier 'nope'",
    ),
    "a module twice": (
        "LOAD MODULE core",
        "line 1, column 1: Could not execute LOAD MODULE `core`. A module with name 'core' already exists",
    ),
    # what never ends
    "an open string": ("SELECT\n 'x", "line 2, column 2: the ' here is never closed"),
    "an open name": (f"{INSERT};\n SELECT `x", "line 2, column 9: the ` here is never closed"),
    "an open comment": (f"{INSERT}; /* x", "line 1, column 40: the /* here is never closed"),
    # statement sets
    "a set without an end": (
        f"{TABLES}EXECUTE STATEMENT SET BEGIN {INSERT};",
        'line 5, column 66: Encountered "<EOF>". Was expecting "END" or "INSERT" or "UPSERT".',
    ),
    "an open set": (f"{TABLES} BEGIN STATEMENT SET; {INSERT};", "line 5, column 2: this statement set has no END"),
    "an empty set": (
        "BEGIN STATEMENT SET; END;",
        "line 1, column 1: no sink: this statement set has no INSERT INTO",
    ),
    "an end of nothing": ("END", "line 1, column 1: END without BEGIN STATEMENT SET"),
    "a SET in a set": (
        f"{TABLES}BEGIN STATEMENT SET; {INSERT};\nSET 'a' = 'b'; END;",
        "line 6, column 1: only INSERT INTO can stand between BEGIN STATEMENT SET and END",
    ),
    "an INSERT before a set": (
        f"{TABLES}{INSERT};\n{SETS[0]}",
        "line 6, column 1: a script holds one statement set and no INSERT beside it; one script is one job",
    ),
    "an INSERT after a set": (
        f"{TABLES}{SETS[2]}\n{INSERT};",
        "line 9, column 1: this INSERT stands outside the statement set; one script is one job",
    ),
    "two sets": (
        f"{TABLES}{SETS[0]};\n{SETS[2]}",
        "line 6, column 1: a script holds one statement set and no INSERT beside it; one script is one job",
    ),
    # other jobs, and questions
    "CREATE TABLE AS": (
        "CREATE TABLE t WITH ('connector' = 'print') AS SELECT 1 AS a",
        f"line 1, column 1: CREATE ... AS {OWN_JOB}",
    ),
    "REPLACE TABLE AS": (
        "REPLACE TABLE t WITH ('connector' = 'print') AS SELECT 1 AS a",
        f"line 1, column 1: REPLACE {OWN_JOB}",
    ),
    "UPDATE": (f"{TABLES}UPDATE sink SET a = 1", f"line 5, column 1: UPDATE {OWN_JOB}"),
    "DELETE": (f"{TABLES}delete FROM sink", f"line 5, column 1: DELETE {OWN_JOB}"),
    "CALL": ("CALL nothing.at_all(1)", f"line 1, column 1: CALL {OWN_JOB}"),
    "SHOW": ("SHOW TABLES", f"line 1, column 1: SHOW {QUESTION}"),
    "DESCRIBE": (f"{TABLES}DESCRIBE sink", f"line 5, column 1: DESCRIBE {QUESTION}"),
    "EXPLAIN": (f"{TABLES}EXPLAIN SELECT 1", f"line 5, column 1: EXPLAIN {QUESTION}"),
    "EXPLAIN of a set": (
        f"{TABLES}EXPLAIN STATEMENT SET BEGIN {INSERT}; {COUNT}; END",
        f"line 5, column 1: EXPLAIN {QUESTION}",
    ),
    "a materialized table": (
        "CREATE MATERIALIZED TABLE m FRESHNESS = INTERVAL '1' MINUTE AS SELECT 1",
        "line 1, column 1: this CREATE cannot stand in a script, which holds SET, definitions and INSERT INTO",
    ),
    "a plan": (
        "EXECUTE PLAN '/x'",
        "line 1, column 1: this EXECUTE cannot stand in a script, which holds SET, definitions and INSERT INTO",
    ),
    # settings
    "SET without a key": ("SET", "line 1, column 1: SET needs a key and a value"),
    "a denied key": (
        "\n\t SET 'rest.port' = '1'",
        "line 2, column 3: 'rest.port' cannot be set by a script: it is up to the operator",
    ),
    "a denied key without quotes": (
        "SET rest.port = 1",
        "line 1, column 1: 'rest.port' cannot be set by a script: it is up to the operator",
    ),
    "a batch job": (
        "SET 'execution.runtime-mode' = 'batch'",
        "line 1, column 1: 'execution.runtime-mode' can only be streaming here",
    ),
    "a malformed value": (
        f"{TABLES}SET 'parallelism.default' = 'many'",
        "line 5, column 1: Could not parse value 'many' for key 'parallelism.default'. "
        'NumberFormatException: For input string: "many"',
    ),
    # jars
    "ADD JAR": ("ADD JAR '/x.jar'", f"line 1, column 1: {NO_JARS}"),
    "USING JAR": ("CREATE FUNCTION f AS 'a.B' USING JAR '/x.jar'", f"line 1, column 1: {NO_JARS}"),
    "USING JAR for the system": (
        "CREATE TEMPORARY SYSTEM FUNCTION f AS 'a.B' USING JAR '/x.jar'",
        f"line 1, column 1: {NO_JARS}",
    ),
}


@pytest.mark.parametrize(("script", "refusal"), REFUSED.values(), ids=REFUSED)
def test_a_script_is_refused_with_its_place_and_reason(flink: Flink, script: str, refusal: str) -> None:
    said = flink.refusal(script, denied=["rest.*"]) or "accepted"

    # A list of what the installation offers ends the text, and differs between installations.
    assert said.startswith(refusal) if refusal.endswith(("are:", "'nope'")) else said == refusal
