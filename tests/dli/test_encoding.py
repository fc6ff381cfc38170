from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta

from penstock.dli import encoding
from penstock.domain.errors import Invalid, JobNotFound


class Inner(msgspec.Struct):
    low: Annotated[float, Meta(ge=0.5)] = 1.0
    free: float | None = None


class Shape(msgspec.Struct):
    count: Annotated[int, Meta(ge=1)] | None = None
    any_count: int = 7
    flag: bool | None = None
    either: Literal["a", "b"] | None = None
    texts: Annotated[list[str], Meta(min_length=1, max_length=2)] | None = None
    short: Annotated[str, Meta(min_length=1, max_length=3)] | None = None
    inner: Inner | None = None
    levels: dict[str, Literal["a"]] | None = None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", Shape()),
        (b"any_count=&flag=", Shape()),
        (b"any_count=3&any_count=4", Shape(any_count=3)),
        (b"any_count=&any_count=4", Shape()),
        (b"&&any_count=-3&", Shape(any_count=-3)),
        (b"flag=FALSE&short=a+b", Shape(flag=False, short="a b")),
        (b"short=%E6%BC%A2", Shape(short="漢")),
        ("short=漢".encode(), Shape(short="漢")),
        (b"unknown=1", Shape()),
        (b"unknown=%FF&any_count=3&any_count=%FF&unknown=%00", Shape(any_count=3)),
    ],
)
def test_a_query_is_read(raw: bytes, expected: Shape) -> None:
    assert encoding.read_query(raw, Shape) == expected


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"{}", Shape()),
        (b'{"count":"3","flag":"True","any_count":null}', Shape(count=3, flag=True)),
        (b'{"inner":{"low":null,"free":2,"new":1},"new":{}}', Shape(inner=Inner(free=2))),
        (b'{"short":"5","levels":{"x":"a"}}', Shape(short="5", levels={"x": "a"})),
        (b'{"inner":{"low":"2","free":"-0.5"}}', Shape(inner=Inner(low=2.0, free=-0.5))),
        (b'{"zzz":1e400,"yyy":[{"zzz":-1e400}],"any_count":3}', Shape(any_count=3)),
    ],
)
def test_a_body_is_read(raw: bytes, expected: Shape) -> None:
    assert encoding.read_body(raw, Shape) == expected


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b'{"count":0}', "count must be an integer of at least 1"),
        (b'{"count":"x"}', "count must be an integer of at least 1"),
        (b'{"any_count":1.5}', "any_count must be an integer"),
        (b'{"any_count":1e400}', "any_count must be an integer"),
        (b'{"any_count":"\\u0000"}', "any_count must be an integer"),
        (b'{"inner":{"free":"1."}}', "inner.free must be a number"),
        (b'{"any_count":"99999999999999999999"}', "any_count must be an integer"),
        (b'{"flag":"yes"}', "flag must be true or false"),
        (b'{"either":"c"}', "either must be one of a, b"),
        (b'{"texts":[]}', "texts must be a list of 1 to 2 elements, each a text"),
        (b'{"texts":["a",1]}', "texts[1] must be a text"),
        (b'{"short":"four"}', "short must be a text of 1 to 3 characters"),
        (b'{"inner":{"low":0.1}}', "inner.low must be a number of at least 0.5"),
        (b'{"inner":{"free":"x"}}', "inner.free must be a number"),
        (b'{"inner":1}', "inner must be an object"),
        (b'{"levels":{"x":"b"}}', "levels[...] must be one of a"),
        (b'{"short":"\\u0000"}', "short must not hold the character U+0000"),
        (b'{"inner":' * 2000, "the body must be valid JSON"),
        (b"\xff", "the body must be valid JSON"),
        (b"3", "the body must be a JSON object"),
    ],
)
def test_a_body_that_does_not_fit_is_refused_in_words(raw: bytes, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        encoding.read_body(raw, Shape)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"short=%FF", "short must be UTF-8, percent-encoded"),
        (b"short=\xff", "short must be UTF-8, percent-encoded"),
        (b"short=%ED%A0%80", "short must be UTF-8, percent-encoded"),
        (b"short=%00", "short must not hold the character U+0000"),
        (b"count=%00", "count must be an integer of at least 1"),
        (b"either=%00", "either must be one of a, b"),
    ],
)
def test_a_query_that_does_not_fit_is_refused_in_words(raw: bytes, message: str) -> None:
    with pytest.raises(Invalid) as caught:
        encoding.read_query(raw, Shape)
    assert str(caught.value) == message


class Nested(msgspec.Struct):
    below: "Nested | None" = None


def test_values_that_are_nested_too_deep_are_refused_in_words() -> None:
    value: dict[str, object] = {}
    for _ in range(100_000):
        value = {"below": value}
    with pytest.raises(Invalid, match="the values are nested too deep"):
        encoding.convert(value, Nested)


@pytest.mark.parametrize(("text", "job_id"), [("1", 1), ("007", 7), ("9223372036854775807", 2**63 - 1)])
def test_a_job_id_is_read(text: str, job_id: int) -> None:
    assert encoding.read_job_id(text) == job_id


@pytest.mark.parametrize(
    ("text", "error"),
    [("", Invalid), ("x", Invalid), ("１", Invalid), ("1\n", Invalid), ("0", JobNotFound), ("-3", JobNotFound),
     ("9223372036854775808", JobNotFound), ("9" * 5000, JobNotFound)],
)  # fmt: skip
def test_an_id_that_no_job_can_have_is_refused(text: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        encoding.read_job_id(text)
