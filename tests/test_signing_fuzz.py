"""Whatever is changed of a signed request, it is refused; however else it is written, it is accepted."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from penstock import signing
from penstock.domain.errors import Unauthenticated
from penstock.signing import Message

AT_MS = 1_735_689_600_000
UNRESERVED = b"ABCXYZabcxyz0189-_.~"

thorough = settings(max_examples=150, deadline=None)
words = st.binary(min_size=1, max_size=6) | st.text("aZ09-_.~%+&=/ é;", min_size=1, max_size=6).map(str.encode)
pairs = st.lists(st.tuples(words, words | st.just(b"")), max_size=4)
header_values = st.binary(max_size=8).filter(lambda value: not set(value) & set(b"\r\n\0")).map(bytes.strip)
header_names = st.sampled_from([b"host", b"content-type", b"x-project-id", b"user-agent", b"x-other"])
Path = list[bytes]
Pairs = list[tuple[bytes, bytes]]
Escape = Callable[[bytes], str]


def target(path: Path, query: Pairs, escape: Escape = lambda word: quote(word, safe="")) -> bytes:
    text = "/v1.0/" + "/".join(map(escape, path))
    if query:
        text += "?" + "&".join(f"{escape(name)}={escape(value)}" for name, value in query)
    return text.encode()


def signed(message: Message) -> Message:
    proof = signing.sign(message, "key", "secret", AT_MS)
    added = [(name.lower().encode(), value.encode()) for name, value in proof.items()]
    return replace(message, headers=[*message.headers, *added])


def accepted(message: Message) -> bool:
    try:
        offered = signing.claim(message)
        assert offered.access_key == "key"  # of another there is no such secret
        signing.verify(message, offered, "secret", AT_MS)
    except (Unauthenticated, AssertionError):
        return False
    return True


@st.composite
def requests(draw: st.DrawFn) -> tuple[Message, Path, Pairs]:
    path, query = draw(st.lists(words, min_size=1, max_size=4)), draw(pairs)
    headers = draw(st.lists(st.tuples(header_names, header_values), max_size=5))
    method = draw(st.sampled_from(["GET", "POST", "PUT", "DELETE"]))
    return signed(Message(method, target(path, query), headers, draw(st.binary(max_size=20)))), path, query


def changed_bytes(draw: st.DrawFn, value: bytes) -> bytes:
    """Put, take or change a byte."""
    at, new = draw(st.integers(0, len(value))), draw(st.binary(max_size=2))
    changed = value[:at] + new + value[at + draw(st.integers(0, 1)) :]
    assume(changed != value)
    return changed


@thorough
@given(request=requests(), data=st.data())
def test_another_path_is_refused(request: tuple[Message, Path, Pairs], data: st.DataObject) -> None:
    message, path, query = request
    changed = changed_bytes(data.draw, b"/".join(path))
    assume(
        changed.removesuffix(b"/") != b"/".join(path).removesuffix(b"/")
    )  # every path is signed as if it had one
    assert accepted(message)
    assert not accepted(replace(message, target=target([changed], query)))


@thorough
@given(request=requests(), other=pairs)
def test_another_query_is_refused(request: tuple[Message, Path, Pairs], other: Pairs) -> None:
    message, path, query = request
    assume(sorted(other) != sorted(query))
    assert not accepted(replace(message, target=target(path, other)))


@thorough
@given(request=requests(), data=st.data())
def test_a_query_with_a_pair_more_or_less_or_changed_is_refused(
    request: tuple[Message, Path, Pairs], data: st.DataObject
) -> None:
    message, path, query = request
    at = data.draw(st.integers(0, len(query)))
    changed = [*query[:at], *data.draw(pairs), *query[at + data.draw(st.integers(0, 1)) :]]
    assume(sorted(changed) != sorted(query))
    assert not accepted(replace(message, target=target(path, changed)))


@thorough
@given(request=requests(), data=st.data())
def test_another_body_or_method_is_refused(request: tuple[Message, Path, Pairs], data: st.DataObject) -> None:
    message = request[0]
    assert not accepted(replace(message, body=changed_bytes(data.draw, message.body)))
    assert not accepted(replace(message, method=data.draw(st.sampled_from(["HEAD", "PATCH", "OPTIONS", ""]))))


@thorough
@given(request=requests(), data=st.data())
def test_another_value_of_a_signed_header_is_refused(
    request: tuple[Message, Path, Pairs], data: st.DataObject
) -> None:
    message = request[0]
    at = data.draw(st.integers(0, len(message.headers) - 1))
    name, value = message.headers[at]
    changed = changed_bytes(data.draw, value)
    assume(changed.strip() != value)
    assume(name != b"authorization" or _proof(changed) != _proof(value))
    assert not accepted(_with_header(message, at, [(name, changed)]))


@thorough
@given(request=requests(), data=st.data())
def test_a_signed_header_that_is_gone_or_comes_again_is_refused(
    request: tuple[Message, Path, Pairs], data: st.DataObject
) -> None:
    message = request[0]
    at = data.draw(st.integers(0, len(message.headers) - 1))
    name, value = message.headers[at]
    others = [other for other, _ in message.headers].count(name) - 1
    assert not accepted(_with_header(message, at, [(name, value), (name, data.draw(header_values))]))
    if value or others:  # a header that is missing is signed as one that is empty
        assert not accepted(_with_header(message, at, []))


@thorough
@given(request=requests(), data=st.data())
def test_a_request_that_is_written_otherwise_is_accepted(
    request: tuple[Message, Path, Pairs], data: st.DataObject
) -> None:
    message, path, query = request
    assert accepted(message)

    def escape(word: bytes) -> str:
        return "".join(_written(data.draw, byte) for byte in word)

    headers = [
        (name, data.draw(st.sampled_from([b"", b" ", b"\t "])) + value + data.draw(st.sampled_from([b"", b"  "])))
        for name, value in data.draw(st.permutations(message.headers))
    ]
    unsigned = data.draw(st.lists(st.tuples(st.just(b"x-added"), header_values), max_size=2))
    other = target(path, data.draw(st.permutations(query)), escape)
    assert accepted(replace(message, target=other, headers=[*unsigned, *headers]))


def _written(draw: st.DrawFn, byte: int) -> str:
    ways = [f"%{byte:02X}", f"%{byte:02x}"] + ([chr(byte)] if byte in UNRESERVED else [])
    return draw(st.sampled_from(ways))


def _proof(authorization: bytes) -> object:
    try:
        return signing.claim(Message("GET", b"/", [(b"authorization", authorization)]))
    except Unauthenticated:
        return None


def _with_header(message: Message, at: int, instead: list[tuple[bytes, bytes]]) -> Message:
    return replace(message, headers=[*message.headers[:at], *instead, *message.headers[at + 1 :]])
