import hashlib
import hmac
import string
from collections.abc import Iterator
from dataclasses import replace
from urllib.parse import quote

import pytest
import requests
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer
from hypothesis import given
from hypothesis import strategies as st

from penstock import signing
from penstock.domain.errors import Unauthenticated
from penstock.signing import Message

AT_MS = 1_735_689_600_000
DATE = "20250101T000000Z"
EMPTY_HASH = hashlib.sha256(b"").hexdigest()

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
# Characters of a header that both the client's and the server's side leave as they are.
header_texts = st.text(st.characters(min_codepoint=0x21, exclude_categories=["Cs", "Cc", "Z"]), max_size=12)
header_names = st.sampled_from(["User-Agent", "X-Project-Id", "Content-Type", "X-Language", "X-Odd_Name"])


def wire(method: str, url: str, headers: dict[str, str], body: bytes = b"") -> Message:
    """What a server receives of a request that the library of the official SDK sends."""
    prepared = requests.Request(method, url).prepare()
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
    return Message(method, prepared.path_url.encode(), raw, body)


def accepted(message: Message, secret: str = "secret", now_ms: int = AT_MS) -> bool:
    try:
        signing.verify(message, signing.claim(message), secret, now_ms)
    except Unauthenticated:
        return False
    return True


def with_header(message: Message, name: str, value: bytes) -> Message:
    others = [(header, old) for header, old in message.headers if header != name.encode()]
    return replace(message, headers=[*others, (name.encode(), value)])


@given(
    method=st.sampled_from(["GET", "PUT", "POST", "DELETE"]),
    path=st.lists(texts.filter(lambda part: part not in (".", "..")), max_size=4),
    query=st.lists(st.tuples(texts.filter(bool), texts), max_size=5)
    | st.dictionaries(texts.filter(bool), st.integers() | st.booleans() | st.lists(texts)).map(
        lambda d: [*d.items()]
    ),
    headers=st.dictionaries(header_names, header_texts),
    body=st.binary(max_size=30),
)
def test_what_the_official_sdk_signs_is_accepted(method, path, query, headers, body) -> None:  # type: ignore[no-untyped-def]
    headers = {**headers, "X-Sdk-Date": DATE} | (
        {"Content-Type": "application/json"} if "Content-Type" in headers else {}
    )
    request = SdkRequest(
        method=method,
        schema="http",
        host="127.0.0.1:8380",
        resource_path="/v1.0/" + "/".join(quote(part, safe="") for part in path),
        query_params=query,
        header_params=headers,
        body=body,
    )
    sent = Signer(BasicCredentials("key", "secret", "project")).sign(request)
    message = wire(method, f"http://127.0.0.1:8380{sent.uri}", sent.header_params, body)
    assert accepted(message)
    assert not accepted(message, secret="another")


def go_style(
    method: str, path: str, query: str, headers: dict[str, str], body: bytes, sign_date: bool = True
) -> Message:
    """A request as Terraform's client signs it: neither `host` nor what it adds after signing."""
    signed = {**headers, "x-sdk-date": DATE} if sign_date else headers
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name]}\n" for name in sorted(signed))
    canonical = "\n".join([method, f"{path}/", query, lines, names, hashlib.sha256(body).hexdigest()])
    to_sign = f"SDK-HMAC-SHA256\n{DATE}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    proof = hmac.new(b"secret", to_sign.encode(), hashlib.sha256).hexdigest()
    authorization = f"SDK-HMAC-SHA256 Access=key, SignedHeaders={names}, Signature={proof}"
    sent = {
        "x-sdk-date": DATE,
        **signed,
        "host": "any:1",
        "authorization": authorization,
        "x-project-id": "added-after-signing",
    }
    target = f"{path}?{query}" if query else path
    return Message(method, target.encode(), [(k.encode(), v.encode()) for k, v in sent.items()], body)


GO_HEADERS = {
    "accept": "application/json",
    "content-type": "application/json",
    "user-agent": "golangsdk/2.0.0",
    "x-language": "en-us",
}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v1.0/p/streaming/jobs", ""),
        ("/v1.0/p/streaming/jobs", "limit=100&offset=0&show_detail=true"),
        ("/v1.0/p/streaming/jobs", "a=1&a=2&b="),
        ("/v1.0/p/streaming/jobs/a%20b", "tags=k%3Dv%2Ck2%3Dv2"),
    ],
)
def test_a_request_without_its_host_signed_is_accepted(path: str, query: str) -> None:
    assert accepted(go_style("GET", path, query, GO_HEADERS, b""))


def test_a_known_request_has_the_known_signature() -> None:
    message = Message("POST", b"/v1.0/p/streaming/jobs/run?b=%20x&a", [(b"host", b"h:1")], b'{"job_ids":[1]}')
    assert signing.sign(message, "key", "secret", AT_MS) == {
        "X-Sdk-Date": DATE,
        "Authorization": "SDK-HMAC-SHA256 Access=key, SignedHeaders=host;x-sdk-date, "
        "Signature=e54eb9a818b57c54cf1af7291eaf3381f693a3bee45416cfc0ec1e7f6225f8b3",
    }


LONG = b"{" + b" " * 5000 + b"}"
SIGNED = go_style("PUT", "/v1.0/p/x", "a=1", GO_HEADERS, b"{}")


@pytest.mark.parametrize(
    "changed",
    [
        replace(SIGNED, method="POST"),
        replace(SIGNED, target=b"/v1.0/q/x?a=1"),
        replace(SIGNED, target=b"/v1.0/p/x?a=2"),
        replace(SIGNED, target=b"/v1.0/p/x?a=1&b=1"),
        replace(SIGNED, body=b"{} "),
        with_header(SIGNED, "user-agent", b"other"),
        with_header(SIGNED, "x-sdk-date", b"20250101T000001Z"),
    ],
    ids=["method", "path", "query value", "query name", "body", "signed header", "date"],
)
def test_a_changed_request_is_refused(changed: Message) -> None:
    assert accepted(SIGNED)
    assert not accepted(changed)


def test_a_long_body_is_signed_to_its_end() -> None:
    signed = go_style("PUT", "/v1.0/p/x", "", GO_HEADERS, LONG)
    assert accepted(signed)
    assert not accepted(replace(signed, body=LONG[:-1] + b"]"))


def signed_with(headers: list[tuple[bytes, bytes]], access_key: str = "key") -> Message:
    proof = signing.sign(Message("GET", b"/p", headers), access_key, "secret", AT_MS)
    return Message(
        "GET", b"/p", [*headers, *((name.lower().encode(), value.encode()) for name, value in proof.items())]
    )


def test_every_value_of_a_header_that_comes_twice_is_signed() -> None:
    signed = signed_with([(b"x-tag", b"a"), (b"x-tag", b"b")])
    assert accepted(signed)
    for values in ([b"a", b"c"], [b"a"], [b"a", b"b", b"c"]):
        changed = [(b"x-tag", value) for value in values]
        assert not accepted(replace(signed, headers=[*changed, *signed.headers[2:]]))


class CountedHeaders(list[tuple[bytes, bytes]]):
    reads = 0

    def __iter__(self) -> Iterator[tuple[bytes, bytes]]:
        self.reads += 1
        return super().__iter__()


def test_headers_are_read_once_however_many_are_signed() -> None:
    headers = CountedHeaders(signed_with([(f"x-{number}".encode(), b"") for number in range(50)]).headers)
    assert accepted(Message("GET", b"/p", headers))
    assert headers.reads == 1


@pytest.mark.parametrize(("names", "fits"), [(64, True), (65, False)])
def test_a_signature_may_name_64_headers(names: int, fits: bool) -> None:
    assert accepted(signed_with([(f"x-{number}".encode(), b"") for number in range(names - 1)])) is fits


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (-1, False)])
def test_an_authorization_may_be_8_kib_long(spare: int, fits: bool) -> None:
    rest = len(signed_with([], access_key="").values("authorization")[0])
    assert accepted(signed_with([], access_key="k" * (8192 - rest - spare))) is fits


def test_the_date_must_be_among_the_signed_headers() -> None:
    assert accepted(go_style("GET", "/p", "", GO_HEADERS, b""))
    assert not accepted(go_style("GET", "/p", "", GO_HEADERS, b"", sign_date=False))


def test_headers_that_are_not_signed_may_change() -> None:
    assert accepted(with_header(SIGNED, "host", b"behind-a-proxy"))


@pytest.mark.parametrize(("seconds", "fits"), [(-901, False), (-900, True), (900, True), (901, False)])
def test_the_date_may_be_a_quarter_of_an_hour_off(seconds: int, fits: bool) -> None:
    assert accepted(SIGNED, now_ms=AT_MS + seconds * 1000) is fits


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        (hashlib.sha256(b"{}").hexdigest(), True),
        (EMPTY_HASH, False),
        ("UNSIGNED-PAYLOAD", False),
        ("", False),
    ],
)
def test_a_given_body_hash_must_be_that_of_the_body(value: str, fits: bool) -> None:
    assert accepted(with_header(SIGNED, "x-sdk-content-sha256", value.encode())) is fits


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic a2V5OnNlY3JldA==",
        "SDK-HMAC-SHA256",
        "SDK-HMAC-SHA256 Access=key, SignedHeaders=x-sdk-date",
        "SDK-HMAC-SHA256 Access=key, SignedHeaders=, Signature=00",
        "SDK-HMAC-SHA256 Access=key, SignedHeaders=host, Signature=00",
        "SDK-HMAC-SHA256 Access=key, SignedHeaders=x-sdk-date;, Signature=00",
        "SDK-HMAC-SM3 Access=key, SignedHeaders=x-sdk-date, Signature=00",
        "V11-HMAC-SHA256 Credential=key/20250101/r/s, SignedHeaders=x-sdk-date, Signature=00",
    ],
)
def test_an_authorization_that_proves_nothing_is_refused(authorization: str) -> None:
    assert not accepted(with_header(SIGNED, "authorization", authorization.encode()))


def test_two_authorizations_are_refused() -> None:
    assert not accepted(replace(SIGNED, headers=[*SIGNED.headers, (b"authorization", b"other")]))


@pytest.mark.parametrize(
    "date", ["", "now", "20250101T000000", "20251301T000000Z", "20250101T250000Z", "²0250101T000000Z"]
)
def test_a_date_that_is_none_is_refused(date: str) -> None:
    assert not accepted(with_header(SIGNED, "x-sdk-date", date.encode()))


@given(
    headers=st.dictionaries(
        st.sampled_from([b"authorization", b"x-sdk-date", b"x-sdk-content-sha256", b"host"]), st.binary(max_size=40)
    ),
    rest=st.text(string.printable, max_size=60),
    target=st.binary(max_size=40),
    body=st.binary(max_size=10),
)
def test_garbage_is_refused_and_never_breaks(headers, rest, target, body) -> None:  # type: ignore[no-untyped-def]
    plain = Message("GET", target, list(headers.items()), body)
    almost = with_header(plain, "authorization", f"SDK-HMAC-SHA256 {rest}".encode())
    close = with_header(
        plain, "authorization", b"SDK-HMAC-SHA256 Access=k, SignedHeaders=x-sdk-date;a, Signature=\x7e"
    )
    assert not any(
        accepted(message) for message in (plain, almost, close, with_header(close, "x-sdk-date", DATE.encode()))
    )
