"""Each fault does what it says, to processes that stand for a service and its Flink, and ends when it is mended."""

import contextlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import psutil
import pytest

from tests.real.chaos.faults import Cut, Kill, Pause, WriteLimit
from tests.real.chaos.wire import Wire
from tests.real.conftest import wait_for

WRITER = """
import sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], "a") as file:
            file.write(line)
        print("written", flush=True)
    except OSError as error:
        print(error.strerror, flush=True)
"""


class Writer:
    """A process that writes to a file what it is told, and says whether it could."""

    def __init__(self, file: Path) -> None:
        command = [sys.executable, "-c", WRITER, str(file)]
        self.popen = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        self.process = psutil.Process(self.popen.pid)

    def write(self) -> str:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write("x\n")
        return self.popen.stdout.readline().strip()


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[Writer]:
    writer = Writer(tmp_path / "written")
    yield writer
    writer.popen.kill()
    writer.popen.communicate()


def test_a_killed_process_is_gone_and_mending_starts_what_is_to_be_started(writer: Writer) -> None:
    started = []
    fault = Kill("kill", lambda: [writer.process], lambda: started.append(True))
    fault.pull()
    assert writer.popen.wait(10) == -9
    fault.pull()  # a victim that is gone already
    assert not started
    fault.mend()
    assert started


def test_a_paused_process_stands_still_until_it_is_mended(writer: Writer) -> None:
    fault = Pause("pause", lambda: [writer.process])
    fault.pull()
    wait_for(lambda: writer.process.status() == psutil.STATUS_STOPPED, "the pause", 10)
    fault.mend()
    assert writer.write() == "written"


def test_a_process_under_a_write_limit_lives_and_cannot_write_until_it_is_mended(
    writer: Writer, tmp_path: Path
) -> None:
    assert writer.write() == "written"
    fault = WriteLimit("limit", lambda: [writer.process], tmp_path)
    fault.pull()
    assert writer.write() == "File too large"
    fault.mend()
    assert writer.write() == "written"
    assert (tmp_path / "written").read_text() == "x\nx\n"


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def wire() -> Iterator[Wire]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with contextlib.closing(Wire(server.server_address[1])) as wire:
        yield wire
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_cut_wire_breaks_connections_and_refuses_new_ones_until_it_is_joined_at_the_same_port(wire: Wire) -> None:
    fault = Cut("cut", wire)
    with httpx.Client(base_url=f"http://127.0.0.1:{wire.port}", trust_env=False) as kept_alive:
        assert kept_alive.get("/").status_code == 204
        fault.pull()
        for _ in range(2):
            with pytest.raises(httpx.TransportError):
                kept_alive.get("/")
        fault.mend()
        fault.mend()
        assert kept_alive.get("/").status_code == 204
