"""The judge says guilty: an unnoticed fault would make every run of the plug-puller look good."""

import pytest

from tests.real.chaos.judge import FlinkJob, Limits, Sample, Spell, Wrong, broken, spells, unwell

RUNS = FlinkJob("a", "RUNNING", all_running=True)
STARTS = FlinkJob("a", "RUNNING", all_running=False)
ENDED = FlinkJob("a", "FAILED", all_running=False)


def seen(at: float, status: str | None, *flink: FlinkJob) -> Sample:
    return Sample(at, {"a": status} if status else {}, flink)


@pytest.mark.parametrize(
    ("status", "flink", "wrong"),
    [
        ("job_running", [RUNS], None),
        ("job_running", [RUNS, ENDED], None),
        ("job_running", [STARTS], None),
        ("job_submitting", [STARTS], None),
        ("job_submitting", [], None),
        ("job_canceling", [RUNS], None),
        ("job_finish", [ENDED], None),
        ("job_running", [RUNS, STARTS], Wrong.DOUBLED),
        ("job_running", [], Wrong.FALSE),
        ("job_running", [ENDED], Wrong.FALSE),
        ("job_submitting", [RUNS], Wrong.FALSE),
        ("job_finish", [RUNS], Wrong.ORPHANED),
        ("job_running_exception", [STARTS], Wrong.ORPHANED),
        (None, [RUNS], Wrong.ORPHANED),
    ],
)
def test_a_row_is_held_against_what_flink_shows(status: str, flink: list[FlinkJob], wrong: Wrong | None) -> None:
    assert [spell.wrong for spell in spells([seen(1, status, *flink)])] == ([wrong] if wrong else [])


def test_a_spell_lasts_from_the_first_to_the_last_sample_that_shows_it() -> None:
    samples = [seen(1, "job_running"), seen(2, "job_running"), seen(3, "job_running", RUNS), seen(4, "job_running")]
    assert spells(samples) == [Spell(Wrong.FALSE, "a", 1, 2), Spell(Wrong.FALSE, "a", 4, 4)]


@pytest.mark.parametrize("unanswered", [Sample(2, None, ()), Sample(2, {"a": "job_running"}, None)])
def test_a_spell_ends_where_a_side_does_not_answer(unanswered: Sample) -> None:
    samples = [seen(1, "job_running"), unanswered, seen(3, "job_running")]
    assert spells(samples) == [Spell(Wrong.FALSE, "a", 1, 1), Spell(Wrong.FALSE, "a", 3, 3)]


def test_each_wrong_has_a_time_of_its_own_after_which_it_counts() -> None:
    false = [seen(at, "job_running") for at in (0, 4)]
    doubled = [seen(at, "job_running", RUNS, RUNS) for at in (10, 14)]
    limits = Limits(doubled_s=3, false_s=5)
    assert broken([*false, *doubled], limits) == [Spell(Wrong.DOUBLED, "a", 10, 14)]
    assert broken(false, Limits(doubled_s=3, false_s=3)) == [Spell(Wrong.FALSE, "a", 0, 4)]


@pytest.mark.parametrize(
    ("sample", "is_well"),
    [
        (seen(1, "job_running", RUNS), True),
        (seen(1, "job_finish", ENDED), True),
        (seen(1, "job_running", STARTS), False),
        (seen(1, "job_running"), False),
        (seen(1, "job_submitting", STARTS), False),
        (Sample(1, None, (RUNS,)), False),
        (Sample(1, {"a": "job_running"}, None), False),
    ],
)
def test_a_job_is_well_when_both_sides_say_so(sample: Sample, is_well: bool) -> None:
    assert unwell(sample, ["a"]) == ([] if is_well else ["a"])
