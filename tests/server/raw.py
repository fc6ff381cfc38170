"""Bytes straight to the port: what no HTTP client would send."""

import contextlib
import json
import socket
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Reply:
    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def json(self) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.content)
        return value


def exchange(url: str, data: bytes) -> Reply:
    """Send the bytes, and read until the server closes the connection."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=20) as connection:
        with contextlib.suppress(ConnectionError):  # the server may have answered, and read no further
            connection.sendall(data)
        return read(connection)


def read(connection: socket.socket) -> Reply:
    received = b""
    with contextlib.suppress(ConnectionError):  # likewise
        while part := connection.recv(65536):
            received += part
    head, _, content = received.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines)
    assert len(content) == int(headers["content-length"])
    return Reply(int(first.split()[1]), headers, content)
