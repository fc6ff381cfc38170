"""What cannot be read in Flink's answers is an error like any other."""

from collections.abc import Callable, Iterator

import pytest

from penstock.flink.rest import FlinkRest, RestError, RestUnavailable
from tests.flink.conftest import Answers


@pytest.fixture
def rest(flink_says: Answers) -> Iterator[FlinkRest]:
    client = FlinkRest(flink_says.url)
    yield client
    client.close()


@pytest.mark.parametrize("body", [b"", b"{", b"<html>", b'"\xff"', b"[]", b'{"plan"', b"[" * 5000])
@pytest.mark.parametrize(
    "ask", [FlinkRest.job, FlinkRest.newest_failure, FlinkRest.newest_checkpoint, FlinkRest.plan]
)
def test_an_answer_that_cannot_be_read_is_an_error_of_flink(
    flink_says: Answers, rest: FlinkRest, ask: Callable[[FlinkRest, str], object], body: bytes
) -> None:
    for path in ("", "/exceptions", "/checkpoints", "/plan"):
        flink_says.say(f"/jobs/a{path}", body)
    with pytest.raises(RestError, match="an answer of Flink cannot be read") as error:
        ask(rest, "a")
    assert error.value.status == 502


@pytest.mark.parametrize(("value", "restarts"), [('[{"id": "numRestarts", "value": "7"}]', 7), ("[]", 0)])
def test_restarts_are_counted_by_flinks_metric(
    flink_says: Answers, rest: FlinkRest, value: str, restarts: int
) -> None:
    flink_says.say("/jobs/a/metrics?get=numRestarts", value)
    assert rest.restarts("a") == restarts


@pytest.mark.parametrize("value", ["NaN", "", "-1", "1.5"])
def test_a_metric_that_is_no_count_is_an_error_of_flink(flink_says: Answers, rest: FlinkRest, value: str) -> None:
    flink_says.say("/jobs/a/metrics?get=numRestarts", f'[{{"value": "{value}"}}]')
    with pytest.raises(RestError):
        rest.restarts("a")


@pytest.mark.parametrize("body", [b"", b"internal \xff", b'{"token": "internal"}'])
@pytest.mark.parametrize("status", [302, 404, 500])
def test_an_error_that_is_not_flinks_is_told_by_its_status_alone(
    flink_says: Answers, rest: FlinkRest, status: int, body: bytes
) -> None:
    flink_says.say("/jobs/a", body, status)
    with pytest.raises(RestError) as error:
        rest.job("a")
    assert error.value.text == f"it answers HTTP {status}, and not as Flink does"


def test_an_answer_that_is_not_encoded_as_it_says_counts_as_none(flink_says: Answers, rest: FlinkRest) -> None:
    flink_says.headers["Content-Encoding"] = "gzip"
    flink_says.say("/jobs/a", "{}")
    with pytest.raises(RestUnavailable, match="incorrect header"):
        rest.job("a")


def test_a_host_that_no_resolver_takes_does_not_answer() -> None:
    with pytest.raises(RestUnavailable, match="idna"):
        FlinkRest("http://..").job("a")


def test_the_fullest_metaspace_of_all_processes_counts(flink_says: Answers) -> None:
    name = "Status.JVM.Memory.Metaspace"
    query = f"metrics?get={name}.Used,{name}.Max"
    flink_says.say("/taskmanagers", '{"taskmanagers": [{"id": "a:1-x"}, {"id": "b:2-y"}]}')
    sizes = {"jobmanager": (10, 100), "taskmanagers/a:1-x": (90, 200), "taskmanagers/b:2-y": (99, -1)}
    for process, (used, most) in sizes.items():
        gauges = f'[{{"id": "{name}.Max", "value": "{most}"}}, {{"id": "{name}.Used", "value": "{used}"}}]'
        flink_says.say(f"/{process}/{query}", gauges)
    assert FlinkRest(flink_says.url).metaspace_percent() == 45
