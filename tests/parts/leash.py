"""Runs a server of the tests so that it ends with them, however they end.

Started as a program it runs another one, and kills that when its standard input closes: the kernel closes a pipe
whose other end has died.
"""

import atexit
import contextlib
import os
import secrets
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

_PORTS = range(12_000, 20_000)
"""Below those that Penstock gives to Flink, and those that systems give to outgoing connections."""


class Leashed:
    """A running program, which writes into a log."""

    def __init__(self, command: Sequence[str | Path], log: Path) -> None:
        self._log = log
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-I", __file__, *command],
                stdin=subprocess.PIPE,
                stdout=out,
                stderr=subprocess.STDOUT,
                cwd=log.parent,
            )
        atexit.register(self.stop)

    def wait_for_port(self, port: int, patience_s: float = 60) -> None:
        """Wait until the program listens there."""
        deadline = time.monotonic() + patience_s
        while not _answers(port):
            assert self._process.poll() is None, f"it has ended: {self._log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"no answer in {patience_s} s: {self._log.read_text()[-2000:]}"
            time.sleep(0.05)

    def stop(self) -> None:
        atexit.unregister(self.stop)
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)


def free_port() -> int:
    while True:
        port = _PORTS.start + secrets.randbelow(len(_PORTS))
        with contextlib.suppress(OSError), socket.socket() as listener:
            listener.bind(("127.0.0.1", port))
            return port


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _run(command: Sequence[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)

    def end_with_our_starter() -> None:
        os.read(0, 1)
        child.kill()

    threading.Thread(target=end_with_our_starter, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(_run(sys.argv[1:]))
