"""Passwords as they are stored."""

import threading

import pytest

from penstock.store import passwords


@pytest.mark.parametrize("password", ["correct horse", "ключ 漢字", "$", "\0", "x" * 128])
def test_a_password_is_told_from_others_by_its_hash(password: str) -> None:
    stored = passwords.hashed(password)
    assert passwords.is_right(password, stored)
    assert not passwords.is_right(password + "x", stored)
    assert password == "$" or password not in stored


def test_the_same_password_is_stored_otherwise_each_time() -> None:
    assert passwords.hashed("correct horse") != passwords.hashed("correct horse")


def test_nothing_is_right_where_there_is_no_password() -> None:
    assert not passwords.is_right("", None)


def test_one_that_was_stored_with_another_cost_is_still_known() -> None:
    stored = "scrypt$2$1$1$AAAA$48GriOMOFZFFRCAySPWDqkOOsdZToQPmCWOz0DZCEw0="
    assert passwords.is_right("correct horse", stored)
    assert not passwords.is_right("wrong", stored)


def test_only_so_many_are_checked_at_once() -> None:
    stored, outcomes = passwords.hashed("correct horse"), []
    gate = threading.Barrier(24)

    def check() -> None:
        gate.wait()
        try:
            outcomes.append(passwords.is_right("correct horse", stored))
        except passwords.Busy:
            outcomes.append(None)

    threads = [threading.Thread(target=check) for _ in range(24)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    assert set(outcomes) == {True, None}
    assert passwords.is_right("correct horse", stored)
