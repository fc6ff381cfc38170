"""`penstock packages`, against a service."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.jars import jar_of

JAR = jar_of({"a.txt": "a"})
SHA = hashlib.sha256(JAR).hexdigest()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "rules.jar"
    made.write_bytes(JAR)
    return made


def test_a_file_is_uploaded_listed_and_removed(penstock: Command, file: Path) -> None:
    told = f"{len(JAR)} bytes, sha256 {SHA}\n"
    assert penstock("packages", "upload", str(file)).output == f"stored rules.jar: {told}"
    renamed = penstock("packages", "upload", str(file), "--group", "fraud", "--name", "r.jar")
    assert renamed.output == f"stored fraud/r.jar: {told}"
    head, *rows = penstock("packages", "list").output.splitlines()
    assert head.split()[:3] == ["group", "name", "kind"]
    assert [row.split()[-1] for row in rows] == [SHA[:12]] * 2
    assert penstock("packages", "remove", "r.jar", "--group", "fraud").output == "removed fraud/r.jar\n"
    listed = json.loads(penstock("packages", "list", "--json").output)
    assert [package["resource_name"] for package in listed] == ["rules.jar"]


def test_what_the_service_refuses_is_told(penstock: Command, tmp_path: Path) -> None:
    (tmp_path / "rules.jar").write_text("no jar")
    refused = penstock("packages", "upload", str(tmp_path / "rules.jar"))
    assert refused.exit_code == 1
    assert refused.stderr == "penstock: rules.jar is not a jar: File is not a zip file (DLI.0001)\n"


def test_a_file_that_cannot_be_read_is_named(penstock: Command, tmp_path: Path) -> None:
    missing = penstock("packages", "upload", str(tmp_path / "none.jar"))
    assert missing.exit_code == 1
    assert missing.stderr == f"penstock: cannot read {tmp_path / 'none.jar'}: No such file or directory\n"
