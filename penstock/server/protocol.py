"""How HTTP is served: by uvicorn, whose own refusals get the API's shape here."""

import asyncio
import logging
import uuid
from http import HTTPStatus

import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from penstock.dli import encoding
from penstock.dli.errors import HeadTooSlow, TooManyConnections, Unreadable, failure, headers
from penstock.domain.errors import PenstockError
from penstock.server.operation import HEAD_LIMIT, head_too_large

access_log = logging.getLogger("penstock.access")


def configuration(
    app: ASGIApp, trusted_proxies: str | None = None, http: type["Protocol"] | None = None
) -> uvicorn.Config:
    """Serve an application; what `X-Forwarded-For` says counts only from these addresses or networks."""
    return uvicorn.Config(
        app,
        http=http or Protocol,
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",
        proxy_headers=bool(trusted_proxies),
        forwarded_allow_ips=trusted_proxies,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=10,
    )


class Protocol(HttpToolsProtocol):
    """Refuses what cannot be read as a request, a head that does not end, and connections beyond the most there
    can be: the application sees none of them.
    """

    head_patience_s = 30.0
    most_connections = 500
    url = b""
    _in_head = False
    _head_size = 0
    _has_asked = False
    _is_surplus = False
    _head_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._is_surplus = len(self.connections) > self.most_connections
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._is_surplus:
            most = f"{self.most_connections} connections are open, and more are not served at once; ask again"
            self._refuse(TooManyConnections(most))
            return
        continues = self._in_head
        super().data_received(data)
        if continues and self._in_head:
            self._head_size += len(data)
            if self._head_size > HEAD_LIMIT:
                self._refuse(head_too_large())

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._head_size = True, 0
        self._await_head()

    def on_header(self, name: bytes, value: bytes) -> None:
        # What follows a chunked body looks like headers too: it is signed by nobody, and has no limit.
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._has_asked = False, True
        self._cancel_timer()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        too_long = len(self.url) >= HEAD_LIMIT
        unreadable = Unreadable("the request is not valid HTTP/1.1, its path percent-encoded")
        self._refuse(head_too_large() if too_long else unreadable)

    def _await_head(self) -> None:
        if self._head_timer is None:
            self._head_timer = self.loop.call_later(self.head_patience_s, self._give_up)

    def _cancel_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _give_up(self) -> None:
        if self._in_head and not self._has_asked:  # else an answer may be on its way
            self._refuse(HeadTooSlow(f"path, query and headers must arrive within {self.head_patience_s} s"))
        else:
            self.transport.close()

    def _refuse(self, error: PenstockError) -> None:
        request_id = uuid.uuid4().hex
        status, told = failure(error, request_id)
        content = encoding.write(told)
        self._cancel_timer()
        extra = {"Connection": "close"} | headers(error)
        head = (
            f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
            f"X-Request-Id: {request_id}\r\n"
            + "".join(f"{name}: {value}\r\n" for name, value in extra.items())
            + "\r\n"
        )
        self.transport.write(head.encode() + content)
        self.transport.close()
        access_log.info("unreadable %d request %s", status, request_id)
