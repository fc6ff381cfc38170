"""Where alarms can go in tests: a web hook and a mail server, on free ports of the loopback address."""

import contextlib
import email
import json
import socketserver
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hook:
    """What a web hook was sent, and what it answers."""

    port: int = 0
    status: int = 200
    messages: list[dict[str, Any]] = field(default_factory=list)
    on_message: Callable[[], None] = lambda: None

    @property
    def target(self) -> str:
        return f"json://127.0.0.1:{self.port}/alarms?+X-Token=hunter2secret"

    @property
    def bodies(self) -> list[str]:
        return [message["message"] for message in self.messages]


@contextlib.contextmanager
def web_hook() -> Iterator[Hook]:
    hook = Hook()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hook.messages.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            hook.on_message()
            with contextlib.suppress(ConnectionError):
                self.send_response(hook.status)
                self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with _serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as hook.port:
        yield hook


@dataclass
class MailBox:
    port: int = 0
    mails: list[Message] = field(default_factory=list)


@contextlib.contextmanager
def mail_server() -> Iterator[MailBox]:
    """Serve as much of SMTP as it takes to be sent a mail."""
    box = MailBox()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self._say("220 ready")
            for line in self.rfile:
                verb = line.split()[0].upper()
                if verb == b"DATA":
                    self._say("354 go on")
                    mail = b"".join(iter(self.rfile.readline, b".\r\n"))
                    box.mails.append(email.message_from_bytes(mail, policy=default))
                self._say("221 bye" if verb == b"QUIT" else "250 fine")

        def _say(self, reply: str) -> None:
            with contextlib.suppress(ConnectionError):
                self.wfile.write(f"{reply}\r\n".encode())

    with _serving(socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)) as box.port:
        yield box


@contextlib.contextmanager
def _serving(server: socketserver.TCPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
