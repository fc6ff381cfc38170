"""Room on a queue, first come, first served."""

import pytest

from penstock.controller.capacity import Lack, Room, Taken
from penstock.domain.job import Goal, Job, JobConfig, Run
from tests.domain.cases import job


def sized(cus: int, slots: int, run: str | None = None) -> Job:
    return job(config=JobConfig(cus=cus, parallelism=slots), goal=Goal.RUN, run=Run(run, 0) if run else None)


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
    lack = Room.whole("default", cus=8, slots=4).lack(sized(cus, slots))
    assert lack == (why and Lack(why, for_ever=True))


@pytest.mark.covers("C7")
@pytest.mark.parametrize(("cus", "slots"), [(3, 1), (2, 3)])
def test_a_job_waits_for_what_is_missing_and_says_what(cus: int, slots: int) -> None:
    room = Room.whole("default", cus=8, slots=4)
    room.take(sized(6, 2))
    need = f"waiting for room on queue 'default': needs {cus} CUs and {slots} slots, free are 2 and 2"
    assert room.lack(sized(cus, slots)) == Lack(need, for_ever=False)


def test_no_later_job_is_let_past_one_that_waits() -> None:
    room = Room.whole("default", cus=8, slots=4)
    room.take(sized(6, 2))
    assert room.lack(sized(2, 2)) is None
    assert room.lack(sized(3, 1)) is not None
    assert room.lack(sized(2, 1)) is not None


def test_a_job_that_can_never_fit_does_not_hold_up_the_others() -> None:
    room = Room.whole("default", cus=8, slots=4)
    assert room.lack(sized(9, 1)) is not None
    assert room.lack(sized(2, 1)) is None


def test_a_queue_that_was_made_smaller_below_its_jobs_says_that_nothing_is_free() -> None:
    room = Room.whole("default", cus=4, slots=4)
    room.take(sized(6, 5))
    lack = room.lack(sized(2, 1))
    assert lack is not None
    assert lack.reason.endswith("free are 0 and 0")


def test_while_the_queue_cannot_run_jobs_even_one_that_fits_waits_and_none_is_turned_away() -> None:
    room = Room.shut("default", "Flink is starting")
    assert room.lack(sized(2, 1)) == Lack("waiting for queue 'default': Flink is starting", for_ever=False)


def test_where_each_job_brings_its_own_slots_only_cus_count() -> None:
    room = Room.whole("default", cus=8, slots=None)
    room.take(sized(2, 100))
    assert room.lack(sized(6, 1000)) is None
    room.take(sized(5, 1))
    assert room.lack(sized(2, 1)) == Lack(
        "waiting for room on queue 'default': needs 2 CUs, free are 1", for_ever=False
    )
    assert room.lack(sized(9, 1)) == Lack("needs 9 CUs; queue 'default' has 8 in all", for_ever=True)


def test_slots_that_other_people_have_taken_are_not_free() -> None:
    room = Room.whole("default", cus=80, slots=8, taken=Taken(5, frozenset({"ours"})))
    room.take(sized(2, 2, run="ours"))
    assert room.lack(sized(2, 3)) is None
    assert room.lack(sized(2, 4)) == Lack(
        "waiting for room on queue 'default': needs 2 CUs and 4 slots, free are 78 and 3", for_ever=False
    )


def test_a_job_that_flink_has_not_yet_counted_takes_nothing_off_what_others_have() -> None:
    room = Room.whole("default", cus=80, slots=8, taken=Taken(4))
    room.take(sized(2, 3, run="new"))
    assert room.lack(sized(2, 1)) is None
    room.take(sized(2, 1, run="newer"))
    assert room.lack(sized(2, 1)) is not None


def test_a_job_of_ours_that_has_ended_since_leaves_its_slots_taken_until_flink_is_asked_again() -> None:
    room = Room.whole("default", cus=80, slots=8, taken=Taken(8, frozenset({"ended"})))
    assert room.lack(sized(2, 1)) is not None
