"""How HTTP is served: by uvicorn, whose own refusals get the API's shape here."""

import logging
import uuid
from http import HTTPStatus

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from penstock.dli import encoding
from penstock.dli.errors import Unreadable, failure
from penstock.domain.errors import PenstockError
from penstock.server.operation import HEAD_LIMIT, head_too_large

access_log = logging.getLogger("penstock.access")


def configuration(app: ASGIApp, trusted_proxies: str | None = None) -> uvicorn.Config:
    """Serve an application; what `X-Forwarded-For` says counts only from these addresses or networks."""
    return uvicorn.Config(
        app,
        http=Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        timeout_graceful_shutdown=10,
    )


class Protocol(HttpToolsProtocol):
    """Refuses what cannot be read as a request, and a head that does not end: the application sees neither."""

    url = b""
    _in_head = False
    _head_size = 0

    def data_received(self, data: bytes) -> None:
        continues = self._in_head
        super().data_received(data)
        if continues and self._in_head:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT:
                self._refuse(head_too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_size = True, 0

    def on_header(self, name: bytes, value: bytes) -> None:
        # What follows a chunked body looks like headers too: it is signed by nobody, and has no limit.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head = False
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        too_long = len(self.url) >= HEAD_LIMIT
        unreadable = Unreadable("the request is not valid HTTP/1.1, its path percent-encoded")
        self._refuse(head_too_large() if too_long else unreadable)

    def _refuse(self, error: PenstockError) -> None:
        request_id = uuid.uuid4().hex
        status, told = failure(error, request_id)
        content = encoding.write(told)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
            f"Connection: close\r\nX-Request-Id: {request_id}\r\n\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()
        access_log.info("unreadable %d request %s", status, request_id)
