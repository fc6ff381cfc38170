"""The call by which clients make sure of buckets; the storage map here names the buckets `state` and `penstock`."""

from typing import Any

import pytest

from tests.serving import Service


def authorize(service: Service, body: object) -> tuple[int, dict[str, Any]]:
    response = service.http.post(f"/v1.0/{service.key.project_id}/dli/obs-authorize", json=body)
    return response.status_code, response.json()


@pytest.mark.parametrize("buckets", [["state"], ["state", "penstock"], []])
def test_buckets_of_the_storage_map_can_be_used(service: Service, buckets: list[str]) -> None:
    assert authorize(service, {"obs_buckets": buckets}) == (
        200,
        {"message": "The buckets can be used.", "is_success": "true"},
    )


def test_a_bucket_that_the_storage_map_does_not_name_is_told(service: Service) -> None:
    assert authorize(service, {"obs_buckets": ["state", "other", "another"]}) == (
        400,
        {
            "error_code": "DLI.0002",
            "error_msg": "obs_buckets: the storage map does not name 'other', 'another'",
        },
    )


@pytest.mark.parametrize("body", [{}, {"obs_buckets": "state"}, {"obs_buckets": ["No"]}, {"obs_buckets": [1]}])
def test_what_is_no_list_of_buckets_is_refused(service: Service, body: object) -> None:
    status, answer = authorize(service, body)
    assert (status, answer["error_code"]) == (400, "DLI.0001")
    assert "obs_buckets" in answer["error_msg"]
