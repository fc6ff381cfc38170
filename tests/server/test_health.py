"""The open endpoints."""

import pytest
from prometheus_client.parser import text_string_to_metric_families

from penstock.domain.job import Status
from tests.serving import Service


def samples(service: Service) -> dict[tuple[str, ...], float]:
    text = service.anonymous.get("/metrics").text
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_a_service_that_answers_is_alive(service: Service) -> None:
    service.not_ready.append("Flink is starting")
    response = service.anonymous.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "alive"})


def test_readiness_follows_the_engine(service: Service) -> None:
    assert service.anonymous.get("/readyz").json() == {"status": "ready"}
    service.not_ready.append("Flink is starting")
    response = service.anonymous.get("/readyz")
    assert response.status_code == 503
    assert response.json() == {"status": "not ready", "reason": "Flink is starting"}


def test_metrics_count_requests_by_operation_and_status(service: Service) -> None:
    service.call("GET", "/jobs")
    service.call("GET", "/jobs", limit=500)
    service.http.request("PATCH", "/coffee")
    seen = samples(service)
    assert seen["penstock_requests_total", "200", "GET", "list_jobs"] == 1
    assert seen["penstock_requests_total", "400", "GET", "list_jobs"] == 1
    assert seen["penstock_requests_total", "404", "any", "unknown"] == 1
    assert seen["penstock_request_seconds_count", "list_jobs"] == 2


def test_metrics_count_jobs_by_status_at_the_time_of_asking(service: Service) -> None:
    job_id = service.create(name="a_name_to_hide")
    assert samples(service)["penstock_jobs", "job_init"] == 1
    service.becomes(job_id, status=Status.RUNNING)
    seen = samples(service)
    assert (seen["penstock_jobs", "job_init"], seen["penstock_jobs", "job_running"]) == (0, 1)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", "/metrics"])
def test_the_open_endpoints_tell_nothing_of_the_jobs(service: Service, path: str) -> None:
    service.create(name="a_name_to_hide", queue_name="stream_a")
    text = service.anonymous.get(path).text
    assert "a_name_to_hide" not in text
    assert service.key.project_id not in text
