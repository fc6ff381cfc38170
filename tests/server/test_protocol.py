"""What is not a request of HTTP: answered in the API's shape all the same."""

import contextlib
import logging
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from penstock import signing
from penstock.server import protocol
from tests import serving
from tests.server import raw
from tests.serving import Service

POST = b"POST /v1.0/p/streaming/jobs/run HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        "GET /v1.0/p/streaming/jobs?name=漢 HTTP/1.1\r\nHost: a\r\n\r\n".encode(),
        b"FOO /v1.0/p/streaming/jobs HTTP/1.1\r\nHost: a\r\n\r\n",
        POST + b"Content-Length: abc\r\n\r\n",
        POST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        POST + b"X: a\0b\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=["query", "method", "length", "two lengths", "chunk", "NUL", "TLS", "CONNECT"],
)
def test_what_cannot_be_read_is_refused_like_any_other_call(
    service: Service, caplog: pytest.LogCaptureFixture, sent: bytes
) -> None:
    caplog.set_level(logging.INFO, "penstock.access")
    reply = raw.exchange(service.url, sent)
    request_id = reply.headers["x-request-id"]
    assert (reply.status, reply.headers["content-type"]) == (400, "application/json")
    assert reply.json == {
        "error_code": "APIGW.0201",
        "error_msg": "the request is not valid HTTP/1.1, its path percent-encoded",
        "request_id": request_id,
    }
    assert f"400 request {request_id}" in caplog.text


@pytest.mark.parametrize("length", [65_535, 65_536, 70_000])
def test_a_path_that_is_too_long_is_told_so(service: Service, length: int) -> None:
    reply = raw.exchange(service.url, b"GET /" + b"a" * (length - 1) + b" HTTP/1.1\r\nConnection: close\r\n\r\n")
    assert (reply.status, reply.json["error_code"]) == (431, "APIGW.0201")
    assert "at most 65536 bytes" in reply.json["error_msg"]
    assert reply.json["request_id"] == reply.headers["x-request-id"]


def test_a_head_without_end_is_not_gathered(service: Service) -> None:
    endless = b"GET / HTTP/1.1\r\nHost: a\r\nX-Junk: " + b"j" * 10_000_000
    assert raw.exchange(service.url, endless).status == 431


def test_a_header_after_the_body_does_not_count(service: Service) -> None:
    body, path = b'{"name":"chunked"}', service.path("/sql-jobs")
    message = signing.Message("POST", path.encode(), [], body)
    proof = signing.sign(message, service.key.access_key, service.key.secret, service.clock())
    headers = {"Host": "a", "Connection": "close", "Transfer-Encoding": "chunked", **proof}
    head = f"POST {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    chunks = b"\r\n%x\r\n%s\r\n0\r\nX-Project-Id: another\r\n\r\n" % (len(body), body)
    assert raw.exchange(service.url, head.encode() + chunks).status == 200
    assert service.names() == ["chunked"]


def test_an_upgrade_is_not_taken(service: Service) -> None:
    asked = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    reply = raw.exchange(service.url, b"GET /nowhere HTTP/1.0\r\nHost: a\r\n" + asked + b"\r\n")
    assert (reply.status, reply.json["error_code"]) == (404, "APIGW.0101")


class Impatient(protocol.Protocol):
    head_patience_s = 0.2


class Narrow(protocol.Protocol):
    most_connections = 2


@pytest.fixture(scope="module")
def impatient() -> Iterator[str]:
    with serving.listening(serving.Switch(), http=Impatient) as url:
        yield url


def connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((address.hostname, address.port), timeout=20)


def test_a_head_that_trickles_is_not_waited_for(impatient: str) -> None:
    with connect(impatient) as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a")
        reply = raw.read(connection)
    assert (reply.status, reply.json["error_code"], reply.headers["connection"]) == (408, "APIGW.0201", "close")


def test_a_connection_without_a_request_is_closed(impatient: str) -> None:
    with connect(impatient) as connection:
        assert connection.recv(1) == b""


def test_more_connections_than_there_may_be_are_refused() -> None:
    with serving.listening(serving.Switch(), http=Narrow) as url, contextlib.ExitStack() as opened:
        open_ones = [opened.enter_context(connect(url)) for _ in range(3)]
        open_ones[2].sendall(b"GET / HTTP/1.1\r\n")
        reply = raw.read(open_ones[2])
    assert (reply.status, reply.json["error_code"], reply.headers["retry-after"]) == (429, "APIGW.0308", "10")
