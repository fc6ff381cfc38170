"""A stand-in for Flink's REST API, for answers that a real one gives only in trouble."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Answers:
    """What is answered to each path; 404 to all others."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.by_path: dict[str, tuple[int, bytes]] = {}
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, str]] = []
        """The method and path of each request."""
        self.bodies: list[bytes] = []

    def say(self, path: str, body: str | bytes, status: int = 200) -> None:
        self.by_path[path] = (status, body.encode() if isinstance(body, str) else body)


@pytest.fixture
def flink_says() -> Iterator[Answers]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answers.bodies.append(self.rfile.read(int(self.headers["Content-Length"] or 0)))
            answers.asked.append((self.command, self.path))
            status, body = answers.by_path.get(self.path, (404, b'{"errors": ["Not found"]}'))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(body)), **answers.headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def do_DELETE(self) -> None:
            self.do_GET()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        answers = Answers(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield answers
        server.shutdown()
        thread.join()
