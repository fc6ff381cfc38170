"""How often a caller may call."""

from dataclasses import replace

from penstock.dli.errors import TooManyCalls
from penstock.server.app import create_app
from penstock.server.rates import BURST_S, Rates
from tests import serving
from tests.serving import Service


def passed(rates: Rates, caller: str, now_ms: int) -> int:
    """Count the calls that may come at this moment."""
    for number in range(10_000):
        try:
            rates.count(caller, now_ms)
        except TooManyCalls:
            return number
    raise AssertionError("there is no limit")


def test_calls_of_some_seconds_may_come_at_once_and_then_as_many_as_time_allows() -> None:
    rates = Rates(per_second=5)
    moments = (1_000_000, 1_000_000, 1_000_400, 1_000_500, 1_002_500, 999_000, 2_000_000)
    assert [passed(rates, "key", now) for now in moments] == [5 * BURST_S, 0, 2, 0, 10, 0, 5 * BURST_S]


def test_a_caller_who_calls_too_often_is_told_when_to_ask_again_and_nobody_else_is(
    service: Service, port: tuple[str, serving.Switch]
) -> None:
    now = service.clock()
    port[1].app = create_app(replace(service.context, rates=Rates(per_second=1), now_ms=lambda: now))
    answers = [service.call("GET", "/jobs") for _ in range(BURST_S + 1)]
    assert [each.status_code for each in answers] == [200] * BURST_S + [429]
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].json()["error_code"] == "APIGW.0308"
    with service.client(service.new_key("main", "maria")) as other:
        assert other.get(service.path("/jobs")).status_code == 200
    assert service.anonymous.get(service.path("/jobs")).status_code == 401
