"""Tags of jobs, queues and packages, by the official SDK; what it does not send, by plain HTTP."""

import uuid
from collections.abc import Callable
from typing import Any

import pytest
from huaweicloudsdkdli.v1 import DliClient, model

from penstock.server import tags as calls
from tests.server.sdk import error_of
from tests.serving import Service

covers = pytest.mark.covers
JOB, QUEUE, PACKAGE = "dli_flink_job", "dli_queue", "dli_package_resource"
WEB, PROD = ("team", "web"), ("env", "prod")


def listed(*pairs: tuple[str, str]) -> list[model.Tag]:
    return [model.Tag(key=key, value=value) for key, value in pairs]


def add(sdk: DliClient, type: str, id: object, *pairs: tuple[str, str]) -> int:
    body = model.BatchCreateResourceTagsRequestBody(tags=listed(*pairs))
    request = model.BatchCreateResourceTagsRequest(resource_type=type, resource_id=str(id), body=body)
    return int(sdk.batch_create_resource_tags(request).status_code)


def remove(sdk: DliClient, type: str, id: object, *keys: str) -> int:
    body = model.BatchDeleteResourceTagsRequestBody(tags=[model.Tag(key=key) for key in keys])
    request = model.BatchDeleteResourceTagsRequest(resource_type=type, resource_id=str(id), body=body)
    return int(sdk.batch_delete_resource_tags(request).status_code)


def shown(sdk: DliClient, type: str, id: object, **page: int) -> list[tuple[str, str]]:
    request = model.ShowResourceTagsRequest(resource_type=type, resource_id=str(id), **page)
    return [(tag.key, tag.value) for tag in sdk.show_resource_tags(request).tags]


def search(
    sdk: DliClient, type: str, *pairs: tuple[str, str], name: str | None = None, **fields: Any
) -> tuple[int, list[str]]:
    """Count what carries the tags, and name it; both ways of asking must agree."""
    told: dict[str, Any] = {
        "tags": [model.TagWithValues(key=key, values=[value] if value else []) for key, value in pairs],
        "matches": [model.Match(key="resource_name", value=name)] if name is not None else None,
    }
    page = {key: fields.pop(key) for key in ("limit", "offset") if key in fields}
    counted = sdk.count_resources_by_tags(
        model.CountResourcesByTagsRequest(type, model.CountResourcesByTagsRequestBody(**told, **fields))
    )
    body = model.ListResourcesByTagsRequestBody(**told, **fields)
    found = sdk.list_resources_by_tags(model.ListResourcesByTagsRequest(resource_type=type, body=body, **page))
    assert counted.total_count == found.total_count
    return found.total_count, [each.resource_name for each in found.resources]


@pytest.fixture
def package(service: Service) -> Callable[[str], str]:
    """Store a package, `group/name`, and give its id."""

    def put(name: str) -> str:
        path = f"/penstock/v1/{service.key.project_id}/packages/{name}"
        empty = {"X-Sdk-Content-Sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
        service.http.put(path, headers=empty).raise_for_status()
        return name.replace("/", "#")

    return put


@pytest.fixture
def queue(service: Service) -> str:
    body = {"queue_name": "stream_b", "cu_count": 16}
    service.http.post(f"/v1.0/{service.key.project_id}/queues", json=body).raise_for_status()
    return "stream_b"


@covers("A10")
def test_tags_of_a_job_are_those_of_its_creation_and_of_the_filter_of_the_list(
    service: Service, sdk: DliClient
) -> None:
    job_id = service.create(name="clicks", tags=[{"key": "team", "value": "web"}])
    answer = sdk.show_resource_tags(model.ShowResourceTagsRequest(resource_type=JOB, resource_id=str(job_id)))
    assert (answer.status_code, answer.count, answer.tags) == (200, 1, listed(WEB))
    assert isinstance(answer.count, int)
    assert add(sdk, JOB, job_id, PROD, ("team", "ops")) == 204
    assert shown(sdk, JOB, job_id) == [PROD, ("team", "ops")]
    assert service.names(tags="team=ops,env=prod") == ["clicks"]
    assert service.names(tags="team=web") == []
    assert remove(sdk, JOB, job_id, "team", "never there") == 204
    assert shown(sdk, JOB, job_id) == [PROD]
    assert service.names(tags="team=ops") == []


def test_a_change_of_tags_has_an_empty_answer_and_an_empty_value_may_be_left_out(service: Service) -> None:
    path = f"/v3/{service.key.project_id}/{JOB}/{service.create()}/tags"
    added = service.http.post(f"{path}/create", json={"tags": [{"key": "bare"}], "action": "create"})
    assert (added.status_code, added.content) == (204, b"")
    assert service.http.get(path).json() == {"tags": [{"key": "bare", "value": ""}], "count": 1, "sys_tags": []}


def test_a_change_of_tags_touches_nothing_else_of_a_job_that_runs(service: Service, sdk: DliClient) -> None:
    job_id = service.create()
    service.call("POST", "/jobs/run", {"job_ids": [job_id]})
    before = service.stored(job_id)
    add(sdk, JOB, job_id, WEB)
    after = service.stored(job_id)
    assert after.tags == {"team": "web"}
    assert (after.version, after.updated_at, after.status) == (before.version, before.updated_at, before.status)


def test_a_queue_has_the_tags_that_its_list_filters_by(service: Service, sdk: DliClient, queue: str) -> None:
    assert add(sdk, QUEUE, queue, WEB) == 204
    request = model.ListQueuesRequest(queue_type="all", tags="team=web")
    (found,) = sdk.list_queues(request).queues
    assert (found.queue_name, found.cu_count) == (queue, 16)
    assert shown(sdk, QUEUE, found.resource_id) == shown(sdk, QUEUE, "STREAM_B") == [WEB]
    assert remove(sdk, QUEUE, found.resource_id, "team") == 204
    assert sdk.list_queues(request).queues == []


def test_a_queue_cannot_be_created_with_tags_that_could_not_be_added(sdk: DliClient) -> None:
    body = model.CreateQueueRequestBody(queue_name="stream_b", cu_count=16, tags=listed(("_sys_k", "v")))
    assert error_of(sdk.create_queue, model.CreateQueueRequest(body=body)) == (400, "DLI.0001")


def test_tags_of_the_services_own_queues_cannot_change(sdk: DliClient) -> None:
    assert shown(sdk, QUEUE, "default") == []
    assert error_of(add, sdk, QUEUE, "default", WEB) == (400, "DLI.0007")


@pytest.mark.parametrize("name", ["file.csv", "group/file.csv", "g+1/a+b.csv"])
def test_a_package_has_the_tags_that_its_list_filters_by(
    service: Service, sdk: DliClient, package: Callable[[str], str], name: str
) -> None:
    id = package(name)
    assert add(sdk, PACKAGE, id, WEB, PROD) == 204
    assert remove(sdk, PACKAGE, id, "env") == 204
    assert shown(sdk, PACKAGE, id) == [WEB]
    listing = service.http.get(f"/v2.0/{service.key.project_id}/resources", params={"tags": "team=web"}).json()
    assert [each["resource_name"] for each in listing["resources"]] == [name.rpartition("/")[2]]


def test_twenty_tags_are_the_most_also_one_by_one(service: Service, sdk: DliClient) -> None:
    job_id = service.create(tags=[{"key": f"k{number:02}", "value": ""} for number in range(19)])
    add(sdk, JOB, job_id, ("k19", "new"), ("k00", "new"))
    assert error_of(add, sdk, JOB, job_id, ("k20", "")) == (400, "DLI.0001")
    assert len(shown(sdk, JOB, job_id)) == 20
    assert shown(sdk, JOB, job_id, limit=2, offset=18) == [("k18", ""), ("k19", "new")]


@pytest.mark.parametrize(
    "tags",
    [
        [],
        [{"key": ""}],
        [{"key": "k" * 129}],
        [{"key": "k", "value": "v" * 256}],
        [{"key": "_sys_k"}],
        [{"key": " k"}],
        [{"key": "k"}, {"key": "k", "value": "other"}],
        [{"value": "v"}],
        [{"key": f"k{number}"} for number in range(21)],
        "k=v",
    ],
)
def test_tags_that_nothing_can_carry_are_refused(service: Service, tags: object) -> None:
    job_id = service.create()
    answer = service.http.post(f"/v3/{service.key.project_id}/{JOB}/{job_id}/tags/create", json={"tags": tags})
    assert (answer.status_code, answer.json()["error_code"]) == (400, "DLI.0001")
    assert service.stored(job_id).tags == {}


@pytest.mark.parametrize(
    ("type", "id", "error"),
    [
        (JOB, "7", (400, "DLI.16001")),
        (JOB, "seven", (400, "DLI.0001")),
        (QUEUE, "nowhere", (400, "DLI.0002")),
        (QUEUE, "77", (400, "DLI.0002")),
        (PACKAGE, "group#nothing.jar", (404, "DLI.0002")),
        ("dli_database", "7", (404, "APIGW.0101")),
    ],
)
def test_what_is_not_there_has_no_tags(sdk: DliClient, type: str, id: str, error: tuple[int, str]) -> None:
    assert error_of(shown, sdk, type, id) == error
    assert error_of(add, sdk, type, id, WEB) == error
    assert error_of(remove, sdk, type, id, "team") == error


def test_jobs_are_found_and_counted_by_their_tags(service: Service, sdk: DliClient) -> None:
    one = service.create(name="one", tags=[{"key": "team", "value": "web"}, {"key": "env", "value": "prod"}])
    service.create(name="two", tags=[{"key": "team", "value": "ops"}])
    service.create(name="three")
    assert search(sdk, JOB) == (3, ["one", "two", "three"])
    assert search(sdk, JOB, WEB) == (1, ["one"])
    assert search(sdk, JOB, ("team", "")) == (2, ["one", "two"])
    assert search(sdk, JOB, ("team", ""), PROD) == (1, ["one"])
    assert search(sdk, JOB, without_any_tag=True) == (1, ["three"])
    assert search(sdk, JOB, name="t") == (2, ["two", "three"])
    assert search(sdk, JOB, limit=1, offset=1) == (3, ["two"])
    body = model.ListResourcesByTagsRequestBody(tags=[model.TagWithValues(key="env", values=["test", "prod"])])
    (found,) = sdk.list_resources_by_tags(model.ListResourcesByTagsRequest(JOB, body=body)).resources
    assert (found.resource_id, found.resource_name, found.resource_detail) == (str(one), "one", None)
    assert found.tags == [{"key": "env", "value": "prod"}, {"key": "team", "value": "web"}]


def test_queues_and_packages_are_found_by_the_ids_that_their_tags_are_asked_for_by(
    service: Service, sdk: DliClient, queue: str, package: Callable[[str], str]
) -> None:
    add(sdk, QUEUE, queue, WEB)
    add(sdk, PACKAGE, package("group/file.csv"), WEB)
    for type, name in ((QUEUE, queue), (PACKAGE, "file.csv")):
        body = model.ListResourcesByTagsRequestBody(tags=[model.TagWithValues(key="team", values=["web"])])
        (found,) = sdk.list_resources_by_tags(model.ListResourcesByTagsRequest(type, body=body)).resources
        assert (found.resource_name, shown(sdk, type, found.resource_id)) == (name, [WEB])


def test_deleted_and_foreign_jobs_are_not_found(service: Service, sdk: DliClient) -> None:
    tags = [{"key": "team", "value": "web"}]
    service.call("DELETE", f"/jobs/{service.create(tags=tags)}")
    other = service.new_key("other", "ann")
    foreign = {"name": "foreign", "tags": tags}
    with service.client(other) as http:
        created = http.post(service.path("/sql-jobs", other.project_id), json=foreign).json()["job"]["job_id"]
    assert search(sdk, JOB) == (0, [])
    assert error_of(shown, sdk, JOB, created) == (400, "DLI.16001")
    assert error_of(add, sdk, JOB, created, PROD) == (400, "DLI.16001")


def test_all_tags_of_the_jobs_are_listed_with_their_values(service: Service, sdk: DliClient) -> None:
    for value in ("web", "ops", "web"):
        service.create(tags=[{"key": "team", "value": value}, {"key": "env", "value": "prod"}])
    answer = sdk.list_resources_tags(model.ListResourcesTagsRequest(resource_type=JOB))
    told = [model.TagWithValues(*pair) for pair in (("env", ["prod"]), ("team", ["ops", "web"]))]
    assert (answer.count, answer.tags) == (2, told)
    cut = sdk.list_resources_tags(model.ListResourcesTagsRequest(resource_type=JOB, limit=1, offset=1))
    assert (cut.count, cut.tags) == (2, told[1:])


def test_every_kind_has_every_call(sdk: DliClient) -> None:
    paths = {each.path for each in calls.OPERATIONS}
    assert len(paths) == len(calls.OPERATIONS) == 6 * len(calls.KINDS)
    for type in (JOB, QUEUE, PACKAGE):
        assert sdk.list_resources_tags(model.ListResourcesTagsRequest(resource_type=type)).tags == []
        assert search(sdk, type, (uuid.uuid4().hex, "")) == (0, [])


def test_an_unknown_field_of_a_search_is_refused(sdk: DliClient) -> None:
    body = model.CountResourcesByTagsRequestBody(matches=[model.Match(key="owner", value="maria")])
    request = model.CountResourcesByTagsRequest(JOB, body)
    assert error_of(sdk.count_resources_by_tags, request) == (400, "DLI.0001")
