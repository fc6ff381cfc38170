import subprocess
import sys
import tomllib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import pytest

from docs import coverage, generate
from docs.coverage import BadMarker, Proof, Row
from penstock.dli.config import JobConfig
from penstock.dli.jobs import Detail, ListQuery, Summary
from penstock.domain.job import Status
from penstock.settings import PREFIX, Settings

SENT_BY_THE_SDK_ONLY = {
    "execution_agency_urn",
    "flink_log_config",
    "resource_config",
    "resource_config_version",
}


def test_the_generated_pages_are_what_the_code_and_the_tests_say() -> None:
    check = [sys.executable, "-m", "docs.generate", "--check"]
    done = subprocess.run(check, cwd=coverage.ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_page_that_is_missing_or_differs_is_stale(tmp_path: Path) -> None:
    same, other, missing = (tmp_path / name for name in ("same.md", "other.md", "missing.md"))
    same.write_text("text")
    other.write_text("old text")
    assert generate.stale(dict.fromkeys((same, other, missing), "text")) == [other, missing]


def test_every_setting_is_on_the_page_with_its_variable() -> None:
    page = generate.settings_page()
    assert [field.name for field in fields(Settings) if f"| `{PREFIX}{field.name.upper()}` |" not in page] == []


def test_no_page_shows_a_default_of_this_machine() -> None:
    pages = "".join(file.read_text() for file in generate.REFERENCE.glob("*.md"))
    assert str(Path.home()) not in pages.replace("~", "")
    assert f"`{Settings.queue_slots}`" not in generate.settings_page()


def test_a_row_is_proven_by_its_tests_and_open_without_any_or_with_something_missing() -> None:
    rows = {
        "A. Letters": [Row("A1", "a", "is first"), Row("A2", "b", "is second"), Row("A3", "c", "is third", "half")]
    }
    proof = Proof("tests/test_letters.py", "test_a_comes_first", on_flink=True)
    page = coverage.render(rows, {"A1": {proof}, "A3": {proof}})
    link = "[a comes first](../../tests/test_letters.py) (real Flink)"
    assert "3 rows: 1 proven, 2 open." in page
    assert f"| A1 | a | is first | {link} |" in page
    assert "| A2 | b | is second | *open* |" in page
    assert f"| A3 | c | is third | *open*: half<br>{link} |" in page


def test_a_row_about_flink_is_proven_on_a_real_one_only() -> None:
    row = Row("A1", "a", "is first", needs_flink=True)
    on_paper, on_flink = (Proof("tests/test_letters.py", "test_a", on_flink=real) for real in (False, True))
    assert row.lacks({on_paper}) == "not shown on a real Flink"
    assert row.lacks({on_paper, on_flink}) is None


def test_a_marker_that_names_no_row_is_an_error() -> None:
    proof = Proof("tests/test_letters.py", "test_z", on_flink=False)
    with pytest.raises(BadMarker, match=r"no row Z9 .* named by test_z"):
        coverage.render({"A. Letters": [Row("A1", "a", "is first")]}, {"Z9": {proof}})


def test_every_row_about_flink_exists() -> None:
    content = tomllib.loads((coverage.ROOT / "docs" / "coverage.toml").read_text())
    assert [id_ for part in content.values() for id_ in part.get("on_flink", ()) if id_ not in part["rows"]] == []


@pytest.mark.parametrize(
    ("letter", "named"),
    [
        ("A", lambda: {*ListQuery.__struct_fields__, "project_id"}),
        ("C", lambda: {*Summary.__struct_fields__, *Detail.__struct_fields__}),
        ("D", lambda: {status.value for status in Status}),
        ("E", lambda: set(JobConfig.__struct_fields__) - SENT_BY_THE_SDK_ONLY),
    ],
)
def test_every_name_on_the_wire_has_its_row(letter: str, named: Callable[[], set[str]]) -> None:
    rows = next(rows for title, rows in coverage.sections().items() if title.startswith(letter))
    words = {word for row in rows for word in row.item.split("`")[1::2]}
    assert words == named()
