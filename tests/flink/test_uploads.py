"""Which jars a cluster holds for us, and for how long."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.flink.bundles import Program
from penstock.flink.rest import FlinkRest, RestError, RestUnavailable
from penstock.flink.uploads import Uploads
from tests.flink.conftest import Answers

NOW = time.time_ns() // 1_000_000


@pytest.fixture
def uploads(flink_says: Answers) -> Iterator[Uploads]:
    rest = FlinkRest(flink_says.url)
    yield Uploads(rest)
    rest.close()


@pytest.fixture
def program(tmp_path: Path) -> Program:
    jar = tmp_path / "bundle.jar"
    jar.write_bytes(b"bundle")
    return Program(jar, "a.B", [])


def held(flink: Answers, *names: str, uploaded: int = NOW) -> None:
    jars = [{"id": f"id-of-{name}", "name": name, "uploaded": uploaded} for name in names]
    flink.say("/jars", json.dumps({"files": jars}))
    for path in ("new", *(each["id"] for each in jars)):
        flink.say(f"/jars/{path}", "{}")
    flink.say("/jars/upload", '{"filename": "/upload/new"}')
    flink.say("/jars/new/run", "{}")


def asked(flink: Answers, method: str) -> list[str]:
    return [path for each, path in flink.asked if each == method]


def test_a_bundle_is_removed_when_it_was_run(flink_says: Answers, uploads: Uploads, program: Program) -> None:
    held(flink_says)
    uploads.run(program, {"jobId": "1"})
    assert asked(flink_says, "POST") == ["/jars/upload", "/jars/new/run"]
    assert asked(flink_says, "DELETE") == ["/jars/new"]


def test_a_bundle_is_removed_when_it_was_refused(flink_says: Answers, uploads: Uploads, program: Program) -> None:
    held(flink_says)
    flink_says.say("/jars/new/run", '{"errors": ["no"]}', status=400)
    with pytest.raises(RestError):
        uploads.run(program, {})
    assert asked(flink_says, "DELETE") == ["/jars/new"]


def test_a_bundle_stays_while_nobody_knows_whether_it_runs(
    flink_says: Answers, uploads: Uploads, program: Program
) -> None:
    held(flink_says)
    flink_says.say("/jars/new/run", "{}", status=503)
    with pytest.raises(RestUnavailable):
        uploads.run(program, {})
    assert asked(flink_says, "DELETE") == []


def test_what_was_left_an_hour_ago_is_removed_and_nothing_that_is_not_ours(
    flink_says: Answers, uploads: Uploads, program: Program
) -> None:
    held(
        flink_says, "penstock-once-1.jar", "penstock-sql-runner-1.jar", "rules.jar", uploaded=NOW - 2 * 3600 * 1000
    )
    uploads.run(program, {})
    assert asked(flink_says, "DELETE") == ["/jars/new", "/jars/id-of-penstock-once-1.jar"]


def test_what_was_left_just_now_may_be_another_s(flink_says: Answers, uploads: Uploads, program: Program) -> None:
    held(flink_says, "penstock-once-1.jar")
    uploads.run(program, {})
    assert asked(flink_says, "DELETE") == ["/jars/new"]


def test_a_bundle_whose_upload_got_no_answer_is_removed_with_the_next_one(
    flink_says: Answers, uploads: Uploads, program: Program
) -> None:
    flink_says.say("/jars/upload", "{}", status=503)
    with pytest.raises(RestUnavailable):
        uploads.run(program, {})
    [name] = re.findall(rb'filename="(.*?)"', flink_says.bodies[0])
    held(flink_says, name.decode(), "penstock-once-1.jar")
    uploads.run(program, {})
    assert asked(flink_says, "DELETE") == ["/jars/new", f"/jars/id-of-{name.decode()}"]
