"""Terraform's other resources and its data sources, call by call, as its Go client signs them.

Read from the same commit of the provider as `tests/terraform.py`; the checks are those that it makes.
"""

from pathlib import Path
from typing import Any

import pytest

from penstock.domain.job import Goal, Run, Status
from tests.flink.test_buckets import write_state
from tests.golangsdk import JSON, TAGGED, GoClient
from tests.serving import Service

QUEUES, JOBS, RESOURCES = "v1.0/{p}/queues", "v1.0/{p}/streaming/jobs", "v2.0/{p}/resources"
PROPERTIES = "v3/{p}/queues/stream_b/properties"
JUST_200 = (200,)
QUEUE: dict[str, Any] = {
    "queue_name": "stream_b",
    "queue_type": "general",
    "description": "ours",
    "cu_count": 16,
    "enterprise_project_id": "e1",
    "platform": "aarch64",
    "resource_mode": 1,
    "feature": "basic",
    "tags": [{"key": "team", "value": "web"}, {"key": "bare"}],
    "elastic_resource_pool_name": "pool",
}
UNSET: dict[str, Any] = {
    "queue_type": "sql",
    "description": "",
    "enterprise_project_id": "0",
    "platform": "x86_64",
    "resource_mode": 0,
    "feature": "",
    "elastic_resource_pool_name": None,
}
"""What a plan takes for no difference where the configuration says nothing."""


def listed_queue(go: GoClient, body: dict[str, Any]) -> dict[str, Any] | None:
    """Find the queue as a refresh does: in the list of its type."""
    query = f"?queue_type={body.get('queue_type', 'sql')}"
    answer = go.call("GET", QUEUES + query, headers={}, ok=JUST_200)
    assert answer["is_success"] is True
    found: list[dict[str, Any]] = [each for each in answer["queues"] if each["queue_name"] == body["queue_name"]]
    return found[0] if found else None


@pytest.mark.parametrize("body", [QUEUE, {"queue_name": "stream_b", "cu_count": 16, "resource_mode": 0}])
def test_a_queue_is_what_its_configuration_says_until_it_is_destroyed(go: GoClient, body: dict[str, Any]) -> None:
    go.call("POST", QUEUES, body, headers={}, ok=JUST_200)
    queue = listed_queue(go, body)
    assert queue is not None
    wanted = {**UNSET, **body}
    del wanted["resource_mode"]
    wanted.pop("tags", None)
    assert {name: queue[name] for name in wanted} == wanted
    assert (type(queue["resource_id"]), type(queue["create_time"]), queue["owner"]) == (str, int, "maria")
    go.call("DELETE", f"{QUEUES}/stream_b", headers={}, ok=JUST_200)
    assert listed_queue(go, body) is None


def test_a_queue_is_resized_and_its_size_awaited(go: GoClient) -> None:
    go.call("POST", QUEUES, QUEUE, headers={}, ok=JUST_200)
    for action, change, cus in (("scale_out", 16, 32), ("scale_in", 24, 8)):
        body = {"action": action, "cu_count": change}
        go.call("PUT", f"{QUEUES}/stream_b/action", body, headers={}, ok=JUST_200)
        shown = go.call("GET", f"{QUEUES}/stream_b", headers={}, ok=JUST_200)
        assert (shown["queueName"], shown["cuCount"]) == ("stream_b", cus)


def all_properties(go: GoClient) -> dict[str, str]:
    """Page as the client does: by the length of what came, until nothing comes."""
    found: list[dict[str, str]] = []
    while True:
        offset = f"?offset={len(found)}" if found else ""
        answer = go.call("GET", PROPERTIES + offset, headers={})
        (page,) = [value for value in answer.values() if isinstance(value, list)]
        if not page:
            return {each["key"]: each["value"] for each in found}
        found += page


def test_the_spark_driver_of_a_queue_is_set_read_and_cleared(go: GoClient) -> None:
    go.call("POST", QUEUES, QUEUE, headers={}, ok=JUST_200)
    assert all_properties(go) == {}
    driver = {"computeEngine.maxInstance": 4, "computeEngine.maxPrefetchInstance": 0, "job.maxConcurrent": 5}
    assert go.call("PUT", PROPERTIES, {"properties": driver}, headers={})["is_success"] is True
    assert all_properties(go) == {name: str(number) for name, number in driver.items()}
    gone = {"keys": ["computeEngine.maxInstance", "computeEngine.maxPrefetchInstance"]}
    assert go.call("DELETE", PROPERTIES, gone, headers={})["is_success"] is True
    assert all_properties(go) == {"job.maxConcurrent": "5"}


def test_a_queue_of_a_pool_is_read_with_its_policies_of_which_there_are_none(go: GoClient) -> None:
    go.call("POST", QUEUES, QUEUE, headers={}, ok=JUST_200)
    pool = "v3/{p}/elastic-resource-pools/pool/queues"
    page = go.call("GET", f"{pool}?limit=100&queue_name=stream_b", headers={})
    assert [(each["queue_name"], each["queue_scaling_policies"]) for each in page["queues"]] == [("stream_b", [])]
    assert go.call("GET", f"{pool}?limit=100&offset=100&queue_name=stream_b", headers={})["queues"] == []
    other = {"queue_name": "stream_c", "cu_count": 16, "resource_mode": 0}
    go.call("POST", QUEUES, other, headers={}, ok=JUST_200)
    assert go.call("POST", pool, {"queue_name": "stream_c"}, headers={})["is_success"] is True
    assert listed_queue(go, {**other, "queue_type": "sql"})["elastic_resource_pool_name"] == "pool"  # type: ignore[index]


def test_the_data_source_of_queues_reads_pages_of_100_until_one_is_shorter(go: GoClient) -> None:
    for number in range(100):
        go.call("POST", QUEUES, {"queue_name": f"q_{number:03}", "cu_count": 1, "resource_mode": 0}, headers={})
    told = "page-size=100&with-priv=true&with-charge-info=true&queue_type=sql"
    pages = [go.call("GET", f"{QUEUES}?{told}&current-page={page}", headers=JSON)["queues"] for page in (1, 2)]
    assert [len(page) for page in pages] == [100, 2]
    assert len({queue["queue_name"] for page in pages for queue in page}) == 102
    assert {type(queue["create_time"]) for queue in pages[0]} == {int}


def test_the_data_source_of_quotas_filters_them_by_type(go: GoClient) -> None:
    quotas = go.call("GET", "v3/{p}/quotas", headers=JSON)["quotas"]["resources"]
    assert [each["used"] for each in quotas if each["type"] == "CU"] == [0]
    assert all(type(each[name]) is int for each in quotas for name in ("min", "max", "quota", "used"))


@pytest.mark.parametrize("group", ["", "libs"])
def test_a_package_is_what_its_configuration_says_until_it_is_destroyed(
    service: Service, go: GoClient, tmp_path: Path, group: str
) -> None:
    source = tmp_path / "data" / "buckets" / "state" / "in" / "model.csv"
    source.parent.mkdir(parents=True)
    source.write_text("a,b\n")
    body = {
        "paths": ["obs://state/in/model.csv"],
        "kind": "file",
        "tags": [{"key": "team", "value": "web"}],
        **({"group": group} if group else {}),
    }
    made = go.call("POST", RESOURCES, body, headers={})
    assert made["resources" if group else "resource_names"] == ["model.csv"]
    path = f"{RESOURCES}/model.csv" + (f"?group={group}" if group else "")
    shown = go.call("GET", path, headers={})
    assert (shown["resource_name"], shown["resource_type"], shown["status"]) == ("model.csv", "file", "READY")
    assert (shown["owner"], type(shown["create_time"])) == ("maria", int)

    id = f"{group}%23model.csv" if group else "model.csv"
    tags = f"v3/{{p}}/dli_package_resource/{id}/tags"
    assert go.call("GET", tags)["tags"] == [{"key": "team", "value": "web"}]
    service.new_key("main", "li")
    owner = {"new_owner": "li", "resource_name": "model.csv", **({"group_name": group} if group else {})}
    assert go.call("PUT", f"{RESOURCES}/owner", owner, headers={})["is_success"] is True
    go.call("POST", f"{tags}/delete", {"tags": [{"key": "team", "value": "web"}]}, headers={}, ok=TAGGED)
    go.call("POST", f"{tags}/create", {"tags": [{"key": "team", "value": "ops"}]}, headers={}, ok=TAGGED)
    assert go.call("GET", tags)["tags"] == [{"key": "team", "value": "ops"}]
    assert go.call("GET", path, headers={})["owner"] == "li"

    go.call("DELETE", path, headers={})
    assert go.send("GET", path, headers={}).status_code == 404  # taken for gone


def test_a_savepoint_is_triggered_and_one_imported(service: Service, go: GoClient, tmp_path: Path) -> None:
    running = service.create(obs_bucket="state")
    service.becomes(running, status=Status.RUNNING, goal=Goal.RUN, run=Run("0" * 32, submit_at=0, ran=True))
    answer = go.call("POST", f"{JOBS}/{running}/savepoint", {"action": "TRIGGER"}, headers=JSON)
    assert answer["is_success"] == "true"
    write_state(tmp_path / "data" / "buckets" / "state" / "moved")
    stopped = service.create()
    body = {"job_id": str(stopped), "savepoint_path": "obs://state/moved"}
    answer = go.call("POST", f"{JOBS}/{stopped}/import-savepoint", body, headers=JSON)
    assert answer["is_success"] == "true"
    assert service.show(stopped)["has_savepoint"] is True


def jobs_of(go: GoClient, query: str) -> list[dict[str, Any]]:
    """Page as the data sources do: until a page is empty, which must be a success."""
    found: list[dict[str, Any]] = []
    for page in range(10):
        path = f"{JOBS}?{query}limit=100&offset={page * 100}&show_detail=true"
        jobs = go.call("GET", path, headers=JSON)["job_list"]["jobs"]
        if not jobs:
            break
        found += jobs
    return found


def test_the_data_sources_of_jobs_read_all_pages_and_filter_by_numbers(service: Service, go: GoClient) -> None:
    ids = [service.create(cu_number=2 + number % 3, queue_name="stream_a") for number in range(101)]
    jar = service.call("POST", "/flink-jobs", {"name": "rules", "tags": [{"key": "team", "value": "web"}]}).json()
    assert sorted(job["job_id"] for job in jobs_of(go, "queue_name=stream_a&")) == ids
    assert [job["job_id"] for job in jobs_of(go, "job_type=flink_jar_job&tags=team%3Dweb&")] == [
        jar["job"]["job_id"]
    ]
    everything = jobs_of(go, "")
    assert len(everything) == 102
    numbers = ("cu_number", "parallel_number", "manager_cu_number", "tm_cus", "tm_slot_num")
    assert {type(job["job_config"][name]) for job in everything for name in numbers} <= {int, type(None)}
    assert sum(job["job_config"]["cu_number"] == 3 for job in everything) == 34


def test_a_stray_ampersand_is_no_parameter(service: Service, go: GoClient) -> None:
    """With a token in place of a signature the client sends the query as it was written."""
    job_id = service.create(name="clicks")
    answer = service.http.get(f"{service.url}/v1.0/{go.project_id}/streaming/jobs?&limit=100&name=clicks&")
    assert [job["job_id"] for job in answer.json()["job_list"]["jobs"]] == [job_id]
