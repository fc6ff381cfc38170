"""Who fails too often from one address is refused for a while, and nobody else is."""

import pytest

from penstock import signing
from penstock.domain.errors import Unauthenticated
from penstock.server.app import create_app
from penstock.server.lockout import Lockout
from tests import serving
from tests.server.test_auth import refused
from tests.server.test_iam import PASSWORD, give_password, sign_in, with_key, with_password
from tests.serving import Service

PAUSE_MS = 5 * 60 * 1000
LIMIT = "AK access failed to reach the limit, forbidden"


def fail(lockout: Lockout, name: str, address: str, now: int = 0) -> str:
    with pytest.raises(Unauthenticated) as caught, lockout.guarding(name, address, now):
        raise Unauthenticated("wrong")
    return str(caught.value)


def succeed(lockout: Lockout, name: str, address: str, now: int = 0) -> None:
    with lockout.guarding(name, address, now):
        pass


def test_after_five_failures_in_a_row_the_pair_is_refused_for_five_minutes() -> None:
    lockout = Lockout()
    assert [fail(lockout, "AK", "10.0.0.1") for _ in range(5)] == ["wrong"] * 5
    with pytest.raises(Unauthenticated, match=r"refused until 1970-01-01T00:05:00Z$"):
        succeed(lockout, "AK", "10.0.0.1", now=PAUSE_MS - 1)
    succeed(lockout, "AK", "10.0.0.1", now=PAUSE_MS)


def test_after_the_pause_there_are_five_again() -> None:
    lockout = Lockout()
    for _ in range(5):
        fail(lockout, "AK", "10.0.0.1")
    assert [fail(lockout, "AK", "10.0.0.1", PAUSE_MS) for _ in range(5)] == ["wrong"] * 5
    assert LIMIT in fail(lockout, "AK", "10.0.0.1", PAUSE_MS)


def test_a_success_in_between_begins_the_count_anew() -> None:
    lockout = Lockout()
    for _ in range(3):
        for _ in range(4):
            assert fail(lockout, "AK", "10.0.0.1") == "wrong"
        succeed(lockout, "AK", "10.0.0.1")


@pytest.mark.parametrize(
    ("name", "address"), [("AK", "10.0.0.2"), ("AK2", "10.0.0.1"), ("AK", "2001:db8:0:1::1"), ("AK", "unknown")]
)
def test_other_addresses_and_other_keys_go_on(name: str, address: str) -> None:
    lockout = Lockout()
    for _ in range(5):
        fail(lockout, "AK", "10.0.0.1")
        fail(lockout, "AK", "2001:db8::1")
    succeed(lockout, name, address)


def test_the_addresses_of_one_ipv6_network_count_as_one() -> None:
    lockout = Lockout()
    for last in range(5):
        fail(lockout, "AK", f"2001:db8::{last}")
    assert LIMIT in fail(lockout, "AK", "2001:db8::ffff:1")


def test_addresses_of_ipv4_are_apart_however_they_are_written() -> None:
    lockout = Lockout()
    for _ in range(5):
        fail(lockout, "AK", "::ffff:10.0.0.1")
    succeed(lockout, "AK", "::ffff:10.0.0.2")
    assert LIMIT in fail(lockout, "AK", "10.0.0.1")


def test_it_remembers_so_many_pairs_and_forgets_those_that_failed_longest_ago() -> None:
    lockout = Lockout(most_failures=1, most_pairs=2)
    for name in "abc":
        fail(lockout, name, "10.0.0.1")
    assert [LIMIT in fail(lockout, name, "10.0.0.1") for name in "bca"] == [True, True, False]


def test_a_key_is_locked_where_its_signatures_were_wrong_and_nowhere_else(service: Service) -> None:
    path = service.path("/jobs")
    wrong = signing.sign(
        signing.Message("GET", path.encode(), []), service.key.access_key, "wrong", service.clock()
    )
    for _ in range(5):
        assert "does not match" in refused(service.anonymous.get(path, headers=wrong), 401, "APIGW.0301")
    told = refused(service.http.get(path), 401, "APIGW.0301")
    assert told.startswith(f"Incorrect IAM authentication information: {LIMIT}")
    assert LIMIT in refused(sign_in(service, with_key(service.key)), 401, "APIGW.0301")
    with service.client(service.new_key("main", "ann")) as http:
        assert http.get(path).status_code == 200
    service.clock.offset_ms = PAUSE_MS
    refused(sign_in(service, with_key(service.key, "wrong")), 401, "APIGW.0301")
    assert sign_in(service, with_key(service.key)).status_code == 201


def test_wrong_passwords_lock_too_and_the_key_of_the_user_goes_on(service: Service) -> None:
    give_password(service)
    for _ in range(5):
        sign_in(service, with_password("wrong"))
    assert LIMIT in refused(sign_in(service, with_password(PASSWORD)), 401, "APIGW.0301")
    assert service.http.get(service.path("/jobs")).status_code == 200


@pytest.mark.parametrize(("trusted", "is_locked"), [("127.0.0.1", False), (None, True), ("10.0.0.0/8", True)])
def test_the_address_behind_a_proxy_counts_only_where_that_is_trusted(
    service: Service, trusted: str | None, is_locked: bool
) -> None:
    path = service.path("/jobs")
    wrong = signing.sign(
        signing.Message("GET", path.encode(), []), service.key.access_key, "wrong", service.clock()
    )
    switch = serving.Switch(create_app(service.context))
    with serving.listening(switch, trusted) as url:
        for _ in range(5):
            service.anonymous.get(url + path, headers={"X-Forwarded-For": "1.2.3.4, 203.0.113.7", **wrong})
        after = service.http.get(url + path, headers={"X-Forwarded-For": "203.0.113.8"}).status_code
        same = service.http.get(url + path, headers={"X-Forwarded-For": "203.0.113.7"}).status_code
    assert (after, same) == ((401, 401) if is_locked else (200, 401))
