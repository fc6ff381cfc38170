"""A real `penstock serve` with its own Flink, started as a user starts it; one for all the tests in this folder."""

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx
import pytest

from penstock.client import Client
from penstock.flink import cluster

T = TypeVar("T")
PENSTOCK = str(Path(sys.executable).with_name("penstock"))


def penstock(*arguments: str, patience_s: float = 120) -> subprocess.CompletedProcess[str]:
    """Run a command of Penstock to its end."""
    return subprocess.run([PENSTOCK, *arguments], capture_output=True, text=True, timeout=patience_s, check=False)


def wait_for(look: Callable[[], T | None], what: str, patience_s: float = 120) -> T:
    deadline = time.monotonic() + patience_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"waited {patience_s} s in vain for {what}"
        time.sleep(0.1)
    return seen


@dataclass
class Served:
    """A data directory, and the service that runs on it."""

    data_dir: Path
    process: subprocess.Popen[bytes] | None = None
    log_name: str = "serve.log"

    @property
    def log(self) -> str:
        return self._log_file.read_text()

    @property
    def url(self) -> str:
        found = re.findall(r"listening on (\S+),", self.log)
        return found[-1]

    @property
    def flink_unit(self) -> dict[str, Any]:
        return self.unit("default")

    def unit(self, engine: str) -> dict[str, Any]:
        """Read what the service remembers of one of its Flinks: address and process ids."""
        unit: dict[str, Any] = json.loads((self.data_dir / "engines" / engine / "unit.json").read_bytes())
        return unit

    @property
    def flink_url(self) -> str:
        return str(self.flink_unit["rest_url"])

    def start(self, *arguments: str, program: Sequence[str] = (PENSTOCK,)) -> float:
        """Start the service, and give the seconds until its first answer."""
        began, lines = time.monotonic(), self.log.count("listening on") if self._log_file.exists() else 0
        command = [*program, "serve", "--port", "0", "--queue-slots", "8", "--data-dir", str(self.data_dir)]
        command += ["--log-copy-interval-s", "2"]
        with self._log_file.open("a") as log:
            self.process = subprocess.Popen(
                [*command, *arguments], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        wait_for(lambda: self.log.count("listening on") > lines or self.process.poll() is not None, "the service")
        assert self.process.poll() is None, self.log[-2000:]
        wait_for(lambda: self.get("/healthz") == 200, "the first answer")
        return time.monotonic() - began

    def wait_until_ready(self) -> None:
        wait_for(lambda: self.get("/readyz") == 200, f"Flink: {self.log[-500:]}")

    def get(self, path: str) -> int:
        try:
            return httpx.get(self.url + path, trust_env=False).status_code
        except httpx.TransportError:
            return 0

    def text(self, path: str) -> str:
        return httpx.get(self.url + path, trust_env=False).text

    def environment(self, *command: str) -> dict[str, str]:
        """Read the exports of `penstock env`, or of another command that prints them."""
        done = penstock(*(command or ("env",)), "--data-dir", str(self.data_dir))
        assert done.returncode == 0, done.stderr
        return dict(re.findall(r"^export (\w+)=(\S+)$", done.stdout, re.MULTILINE))

    def client(self, *command: str) -> Client:
        env = self.environment(*command)
        return Client(
            self.url, env["HUAWEICLOUD_SDK_AK"], env["HUAWEICLOUD_SDK_SK"], env["HUAWEICLOUD_SDK_PROJECT_ID"]
        )

    def stop(self, *arguments: str) -> str:
        """End the service with the command for it, and give what that printed."""
        done = penstock("stop", "--data-dir", str(self.data_dir), *arguments)
        assert done.returncode == 0, done.stderr
        if self.process is not None:
            self.process.wait(30)
        return done.stdout

    @property
    def _log_file(self) -> Path:
        return self.data_dir / self.log_name


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A service that is ready to run jobs; a test that ends it starts it again."""
    service = Served(tmp_path_factory.mktemp("served"))
    try:
        service.start()
        service.wait_until_ready()
        yield service
    finally:
        service.stop("--engines")
        assert cluster.stop_all(service.data_dir) == 0
