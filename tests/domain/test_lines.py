"""Which Flink runs a job that names a version."""

import pytest

from penstock.domain import lines
from penstock.domain.errors import Invalid


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (None, "2.3"),
        ("", "2.3"),
        ("2.3", "2.3"),
        ("1.20", "1.20"),
        ("1.10", "1.20"),
        ("1.15", "1.20"),
        ("1.17", "1.20"),
    ],
)
def test_each_version_that_dli_names_is_run_by_a_line(asked: str | None, line: str) -> None:
    assert lines.line_of(asked, lines.DEFAULT) == line


def test_a_job_that_names_no_version_runs_on_the_line_of_the_place() -> None:
    assert lines.line_of(None, "1.20") == "1.20"


@pytest.mark.parametrize("asked", ["1.7", "1.9", "1.18", "1.19", "1.20.5", "2.0", "2.2", "2.4", "3", "x"])
def test_any_other_is_refused_with_the_list(asked: str) -> None:
    every = "1.10, 1.11, 1.12, 1.13, 1.14, 1.15, 1.16, 1.17, 1.20, 2.3"
    with pytest.raises(Invalid, match=f"^flink_version must be one of {every}$"):
        lines.line_of(asked, lines.DEFAULT)


def test_a_cluster_is_known_by_its_line_whenever_it_was_started() -> None:
    assert lines.line_of_cluster(lines.incarnation("1.20", "abc")) == "1.20"
    assert lines.line_of_cluster("f" * 32) == "2.3"  # of before there were several


def test_only_an_alias_is_told_of() -> None:
    assert lines.alias_remark("1.15") == "runs on Flink 1.20, which serves 1.15"
    assert [lines.alias_remark(version) for version in (None, "1.20", "2.3")] == [None] * 3
