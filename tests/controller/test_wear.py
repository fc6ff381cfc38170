"""When a cluster that lives is given up for a new one."""

from penstock.controller.wear import SETTLED_S, Tolerance, Wear

OLD = "is older than the installed connectors or the storage map"
FULL = "is nearly out of metaspace"
DAY_S = 24 * 3600


def empty() -> int:
    return 0


def full() -> int:
    return 90


def test_a_cluster_with_nothing_newer_and_much_metaspace_is_not_worn() -> None:
    assert Wear(Tolerance(metaspace_percent=85)).found(None, empty, 0) is None


def test_connectors_that_are_added_one_after_the_other_outdate_a_cluster_once_it_is_settled() -> None:
    wear = Wear()
    assert wear.found(("kafka",), empty, 100) is None
    assert wear.found(("avro", "kafka"), empty, 100 + SETTLED_S) is None
    assert wear.found(None, empty, 101 + SETTLED_S) is None  # another one is being installed
    assert wear.found(("avro", "jdbc", "kafka"), empty, 102 + SETTLED_S) is None
    assert wear.found(("avro", "jdbc", "kafka"), empty, 102 + 2 * SETTLED_S) == OLD


def test_a_metaspace_is_measured_now_and_then_and_full_at_its_limit() -> None:
    measured: list[int] = []

    def percent() -> int:
        measured.append(85)
        return 84 + len(measured)

    wear = Wear(Tolerance(metaspace_percent=86, measure_s=30))
    assert [wear.found(None, percent, at) for at in (0, 29, 30)] == [None, None, FULL]
    assert len(measured) == 2


def test_without_a_limit_no_metaspace_is_full() -> None:
    assert Wear().found(None, full, 0) is None


def test_each_try_in_vain_doubles_the_time_until_the_next_up_to_a_day() -> None:
    wear, now = Wear(Tolerance(pause_s=600)), 0.0
    assert wear.may_retry(now)
    pauses = []
    for _ in range(10):
        pauses.append(wear.note_vain(now))
        assert not wear.may_retry(now + pauses[-1] - 1)
        now += pauses[-1]
        assert wear.may_retry(now)
    assert pauses == [600, 1200, 2400, 4800, 9600, 19200, 38400, 76800, DAY_S, DAY_S]
    for _ in range(2000):
        assert wear.note_vain(now) == DAY_S


def test_after_a_try_in_vain_the_cluster_is_still_worn_for_what_can_move_by_now() -> None:
    wear = Wear(Tolerance(metaspace_percent=85, measure_s=30))
    wear.note_vain(0)
    assert wear.found(None, full, 29) is None
    assert wear.found(None, full, 30) == FULL


def test_a_new_cluster_is_given_time_and_owes_nothing_to_the_last_one() -> None:
    wear = Wear(Tolerance(metaspace_percent=85, pause_s=600))
    for _ in range(5):
        wear.note_vain(0)
    wear.note_renewed(10)
    assert wear.may_retry(10)
    assert wear.found(None, full, 609) is None
    assert wear.found(None, full, 610) == FULL
    assert wear.note_vain(610) == 600


def test_a_try_that_is_hindered_is_made_a_little_later() -> None:
    wear = Wear(Tolerance(measure_s=30))
    wear.found(("kafka",), empty, 0)
    assert wear.found(("kafka",), empty, SETTLED_S) == OLD
    wear.note_hindered(SETTLED_S)
    assert wear.found(("kafka",), empty, SETTLED_S + 29) is None
    assert wear.found(("kafka",), empty, SETTLED_S + 30) == OLD
    assert wear.note_vain(SETTLED_S + 30) == 600
