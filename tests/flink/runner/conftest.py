from collections.abc import Callable, Iterator

import httpx
import pytest

from penstock.flink import runner
from tests.flink.runner.flink import Flink


@pytest.fixture(scope="session")
def flink(flink_url: str) -> Iterator[Flink]:
    with httpx.Client(base_url=flink_url, trust_env=False, timeout=60) as http:
        jar = (f"tests-{runner.upload_name()}", runner.JAR.read_bytes(), "application/java-archive")
        uploaded = http.post("/jars/upload", files={"jarfile": jar}).raise_for_status().json()["filename"]
        flink = Flink(http, uploaded.rpartition("/")[2])
        yield flink
        http.delete(f"/jars/{flink.jar}")


@pytest.fixture
def run(flink: Flink) -> Iterator[Callable[..., str]]:
    """Start a script as a job that is cancelled when the test is over."""
    started: list[str] = []

    def start(script: str, **body: object) -> str:
        answer = flink.post("run", script, **body)
        assert answer.is_success, answer.text
        started.append(answer.json()["jobid"])
        return started[-1]

    yield start
    for job in started:
        flink.http.patch(f"/jobs/{job}?mode=cancel")
        flink.wait(job, ("CANCELED", "FINISHED", "FAILED"))
