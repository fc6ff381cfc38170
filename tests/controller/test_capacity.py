"""Room on a queue, first come, first served."""

import pytest

from penstock.controller.capacity import Lack, Offer, Room, Taken
from penstock.domain.job import Goal, Job, JobConfig, Run
from tests.domain.cases import job


def sized(cus: int, slots: int, run: str | None = None) -> Job:
    return job(config=JobConfig(cus=cus, parallelism=slots), goal=Goal.RUN, run=Run(run, 0) if run else None)


def whole(cus: int, slots: int | None, taken: Taken | None = None, **more: str) -> Room:
    """Give a queue none of whose jobs runs."""
    return Room("default", cus, lambda _: Offer("2.3", "unit-1", slots, taken or Taken(), **more))


@pytest.mark.covers("E10")
@pytest.mark.covers("E11")
@pytest.mark.parametrize(
    ("cus", "slots", "why"),
    [
        (8, 4, None),
        (9, 4, "needs 9 CUs and 4 slots; queue 'default' has 8 and 4 in all"),
        (8, 5, "needs 8 CUs and 5 slots; queue 'default' has 8 and 4 in all"),
    ],
)
def test_a_job_larger_than_the_whole_queue_never_fits(cus: int, slots: int, why: str | None) -> None:
    lack = whole(cus=8, slots=4).lack(sized(cus, slots))
    assert lack == (why and Lack(why, for_ever=True))


@pytest.mark.covers("C7")
@pytest.mark.parametrize(("cus", "slots"), [(3, 1), (2, 3)])
def test_a_job_waits_for_what_is_missing_and_says_what(cus: int, slots: int) -> None:
    room = whole(cus=8, slots=4)
    room.take(sized(6, 2))
    need = f"waiting for room on queue 'default': needs {cus} CUs and {slots} slots, free are 2 and 2"
    assert room.lack(sized(cus, slots)) == Lack(need, for_ever=False)


def test_no_later_job_is_let_past_one_that_waits() -> None:
    room = whole(cus=8, slots=4)
    room.take(sized(6, 2))
    assert room.lack(sized(2, 2)) is None
    assert room.lack(sized(3, 1)) is not None
    assert room.lack(sized(2, 1)) is not None


def test_a_job_that_can_never_fit_does_not_hold_up_the_others() -> None:
    room = whole(cus=8, slots=4)
    assert room.lack(sized(9, 1)) is not None
    assert room.lack(sized(2, 1)) is None


def test_a_queue_that_was_made_smaller_below_its_jobs_says_that_nothing_is_free() -> None:
    room = whole(cus=4, slots=4)
    room.take(sized(6, 5))
    lack = room.lack(sized(2, 1))
    assert lack is not None
    assert lack.reason.endswith("free are 0 and 0")


def test_while_the_queue_cannot_run_jobs_even_one_that_fits_waits_and_none_is_turned_away() -> None:
    room = whole(cus=8, slots=4, closed="Flink is starting")
    assert room.lack(sized(2, 1)) == Lack("waiting for queue 'default': Flink is starting", for_ever=False)


def test_where_each_job_brings_its_own_slots_only_cus_count() -> None:
    room = whole(cus=8, slots=None)
    room.take(sized(2, 100))
    assert room.lack(sized(6, 1000)) is None
    room.take(sized(5, 1))
    assert room.lack(sized(2, 1)) == Lack(
        "waiting for room on queue 'default': needs 2 CUs, free are 1", for_ever=False
    )
    assert room.lack(sized(9, 1)) == Lack("needs 9 CUs; queue 'default' has 8 in all", for_ever=True)


def test_slots_that_other_people_have_taken_are_not_free() -> None:
    room = whole(cus=80, slots=8, taken=Taken(5, frozenset({"ours"})))
    room.take(sized(2, 2, run="ours"))
    assert room.lack(sized(2, 3)) is None
    assert room.lack(sized(2, 4)) == Lack(
        "waiting for room on queue 'default': needs 2 CUs and 4 slots, free are 78 and 3", for_ever=False
    )


def test_a_job_that_flink_has_not_yet_counted_takes_nothing_off_what_others_have() -> None:
    room = whole(cus=80, slots=8, taken=Taken(4))
    room.take(sized(2, 3, run="new"))
    assert room.lack(sized(2, 1)) is None
    room.take(sized(2, 1, run="newer"))
    assert room.lack(sized(2, 1)) is not None


def test_a_job_of_ours_that_has_ended_since_leaves_its_slots_taken_until_flink_is_asked_again() -> None:
    room = whole(cus=80, slots=8, taken=Taken(8, frozenset({"ended"})))
    assert room.lack(sized(2, 1)) is not None


def test_a_job_that_its_cluster_can_never_run_is_turned_away_with_the_reason() -> None:
    room = whole(cus=8, slots=4, unfit="asks for Flink 1.15")
    assert room.lack(sized(2, 1)) == Lack("asks for Flink 1.15", for_ever=True)


def of_two_lines(cus: int, slots: int) -> Room:
    """Give a queue with a cluster of each line that a job may ask for, each with so many slots."""
    return Room("default", cus, lambda job: Offer(str(job.config.flink_version), slots=slots))


def asking(line: str, cus: int, slots: int) -> Job:
    return job(config=JobConfig(cus=cus, parallelism=slots, flink_version=line), goal=Goal.RUN, run=None)


def test_the_clusters_of_a_queue_share_its_cus_and_have_slots_of_their_own() -> None:
    room = of_two_lines(cus=8, slots=4)
    room.take(asking("2.3", 5, 4))
    assert room.lack(asking("1.20", 3, 4)) is None
    room.take(asking("1.20", 2, 1))
    needs = "waiting for room on queue 'default': needs"
    assert room.lack(asking("1.20", 2, 1)) == Lack(f"{needs} 2 CUs and 1 slots, free are 1 and 3", for_ever=False)


def test_a_job_that_waits_for_slots_holds_up_those_of_its_line_and_one_that_waits_for_cus_all() -> None:
    room = of_two_lines(cus=8, slots=4)
    room.take(asking("2.3", 4, 4))
    assert room.lack(asking("2.3", 2, 1)) is not None
    assert room.lack(asking("1.20", 4, 3)) is None
    assert room.lack(asking("1.20", 5, 1)) is not None
    assert room.lack(asking("1.20", 2, 1)) is not None
