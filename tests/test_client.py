from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.client import ApiError, Client, Unreachable
from penstock.domain.job import Goal, Status
from tests import serving
from tests.serving import Service, Switch


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    template, switch = tmp_path / "template", Switch()
    template.mkdir()
    key = serving.new_folder(template)
    with (
        serving.listening(switch) as url,
        serving.service_in(tmp_path / "data", template, key, url, switch) as running,
    ):
        yield running


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    key = service.key
    with Client(service.url, key.access_key, key.secret, key.project_id) as opened:
        yield opened


def test_a_job_goes_through_every_call(service: Service, client: Client) -> None:
    job_id = client.create_sql_job(name="clicks 漢字", sql_body="SELECT 1;\n")
    client.update_sql_job(job_id, desc="of the shop", cu_number=4)
    shown = client.show_job(job_id)
    assert (shown["name"], shown["desc"], shown["sql_body"]) == ("clicks 漢字", "of the shop", "SELECT 1;\n")
    listed = client.list_jobs(name="漢 字".replace(" ", ""), limit=5, show_detail=True)
    assert (listed["total_count"], listed["jobs"][0]["job_id"]) == (1, job_id)
    assert [answer["is_success"] for answer in client.run_jobs([job_id, 99])] == ["true", "false"]
    service.becomes(job_id, status=Status.RUNNING, goal=Goal.RUN)
    client.trigger_savepoint(job_id)
    service.becomes(job_id, status=Status.RUNNING)
    assert client.stop_jobs([job_id], trigger_savepoint=True)[0]["is_success"] == "true"
    assert client.show_job(job_id)["status"] == "job_savepointing"
    client.delete_job(job_id)
    other = client.create_sql_job(name="other")
    assert client.delete_jobs([other])[0]["is_success"] == "true"
    assert client.list_jobs() == {"total_count": 0, "jobs": []}


def test_a_refusal_carries_status_code_and_message(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.list_jobs(limit=500)
    error = caught.value
    assert (error.status, error.error_code) == (400, "DLI.0001")
    assert error.error_msg == "limit must be an integer between 0 and 100"
    assert str(error) == "limit must be an integer between 0 and 100 (DLI.0001)"
    assert len(error.request_id) == 32


def test_a_batch_of_which_every_job_failed_is_a_refusal(client: Client) -> None:
    with pytest.raises(ApiError) as caught:
        client.run_jobs([99])
    assert (caught.value.error_code, caught.value.error_msg) == ("DLI.16001", "job 99 does not exist")


def test_a_wrong_secret_is_a_refusal(service: Service) -> None:
    with Client(service.url, service.key.access_key, "wrong", service.key.project_id) as stranger:
        with pytest.raises(ApiError) as caught:
            stranger.list_jobs()
        assert caught.value.status == 401


def test_a_service_that_is_not_there_is_told_apart_from_one_that_refuses() -> None:
    with Client("http://127.0.0.1:1", "key", "secret", "project") as client, pytest.raises(Unreachable):
        client.list_jobs()
