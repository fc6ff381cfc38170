"""What the scripts of these tests are made of."""

TABLES = """CREATE TABLE source (a INT, b STRING) WITH ('connector' = 'datagen', 'rows-per-second' = '1');
CREATE TABLE sink (a INT, b STRING) WITH ('connector' = 'blackhole');
CREATE TABLE sums (a INT, n BIGINT) WITH ('connector' = 'blackhole');
CREATE TABLE lost (a INT, b STRING) WITH ('connector' = 'nowhere');
"""
"""Four lines, so that what follows begins on line 5."""

INSERT = "INSERT INTO sink SELECT * FROM source"
COUNT = "INSERT INTO sums SELECT a, COUNT(*) FROM source GROUP BY a"
SETS = [
    f"EXECUTE STATEMENT SET BEGIN {INSERT}; {COUNT}; END",
    f"EXECUTE /* ; */ STATEMENT\nSET -- ; END;\nbegin\n{INSERT};\n{COUNT};\nend;",
    f"BEGIN STATEMENT SET;\n{INSERT};\n{COUNT};\nEND;",
    f"{INSERT};\n{COUNT};",
]
"""Ways to write one job of two INSERTs."""
