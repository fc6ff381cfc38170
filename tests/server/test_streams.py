"""Bodies that are read while they arrive: slow ones are in nobody's way, and none takes for ever."""

import contextlib
import hashlib
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from urllib.parse import urlsplit

import httpx

from penstock.client import StreamSignature
from penstock.server.app import create_app
from tests.server import raw
from tests.serving import Service, Switch

CONTENT = b"x" * 100
HASH = hashlib.sha256(CONTENT).hexdigest()


def head(service: Service) -> bytes:
    """The head of an upload, signed."""
    key = service.key
    path = f"/penstock/v1/{key.project_id}/packages/m.csv"
    request = httpx.Request(
        "PUT", service.url + path, headers={"X-Sdk-Content-Sha256": HASH, "Content-Length": "100"}
    )
    signed = next(StreamSignature(key.access_key, key.secret).auth_flow(request))
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
    return f"PUT {path} HTTP/1.1\r\n{lines}\r\n".encode()


@contextlib.contextmanager
def slow_upload(service: Service) -> Iterator[None]:
    """Begin an upload whose body does not come before this ends."""
    url = urlsplit(service.url)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout=30) as connection:
        connection.sendall(head(service))
        yield
        connection.sendall(CONTENT)
        assert connection.recv(12) == b"HTTP/1.1 200"


def put(service: Service, body: Iterator[bytes] | bytes = CONTENT) -> httpx.Response:
    path = f"/penstock/v1/{service.key.project_id}/packages/m.csv"
    auth = StreamSignature(service.key.access_key, service.key.secret)
    return service.http.put(path, content=body, headers={"X-Sdk-Content-Sha256": HASH}, auth=auth)


def test_slow_uploads_leave_other_calls_their_threads_and_more_of_them_are_not_taken(service: Service) -> None:
    with ExitStack() as slow:
        for _ in range(service.context.streams_at_once):
            slow.enter_context(slow_upload(service))
        refused = wait_for_refusal(service)
        assert (refused.headers["retry-after"], refused.headers["connection"]) == ("10", "close")
        assert refused.json() == {
            "error_code": "APIGW.0308",
            "error_msg": "8 uploads are on their way, and more are not taken at once; ask again",
            "request_id": refused.headers["x-request-id"],
        }
        assert service.call("GET", "/jobs").status_code == 200
    assert put(service).status_code == 200


def wait_for_refusal(service: Service) -> httpx.Response:
    """Upload until as many others are on their way as there can be."""
    for _ in range(1000):
        answer = put(service)
        if answer.status_code == 429:
            return answer
    raise AssertionError("no upload was refused")


def test_a_body_that_comes_drop_by_drop_is_not_waited_for_without_end(
    service: Service, port: tuple[str, Switch]
) -> None:
    port[1].app = create_app(replace(service.context, stream_within_s=0.3))
    over = threading.Event()

    def drops() -> Iterator[bytes]:
        while not over.wait(0.05):
            yield b"x"

    end = threading.Timer(20, over.set)
    end.start()
    answer = put(service, drops())
    end.cancel()
    assert (answer.status_code, answer.json()["error_code"]) == (408, "APIGW.0201")
    assert answer.json()["error_msg"] == "the body must arrive within 0.3 s"


def test_a_body_that_stops_is_not_waited_for(service: Service, port: tuple[str, Switch]) -> None:
    port[1].app = create_app(replace(service.context, body_patience_s=0.2))
    answer = raw.exchange(service.url, head(service) + b"half")
    assert (answer.status, answer.json["error_msg"]) == (408, "nothing of the body has arrived for 0.2 s")
