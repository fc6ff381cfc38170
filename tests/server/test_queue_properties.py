"""Properties of queues, the pools that they name, quotas, and what is refused of queues: by the official SDK."""

from typing import Any

import pytest
from huaweicloudsdkdli.v1 import DliClient, model

from tests.server.sdk import error_of
from tests.serving import Service

QUEUE = "stream_b"


@pytest.fixture(autouse=True)
def queue(sdk: DliClient) -> None:
    body = model.CreateQueueRequestBody(queue_name=QUEUE, cu_count=16)
    sdk.create_queue(model.CreateQueueRequest(body=body))


def properties(sdk: DliClient, name: str = QUEUE, **page: int) -> dict[str, str]:
    answer = sdk.list_queue_properties(model.ListQueuePropertiesRequest(queue_name=name, **page))
    assert (answer.is_success, answer.message) == (True, "")
    return {each.key: each.value for each in answer.properties}


def update(sdk: DliClient, name: str = QUEUE, **fields: Any) -> Any:
    body = model.UpdateQueuePropertyRequestBody(model.AdvancedQueueProperty(**fields))
    return sdk.update_queue_property(model.UpdateQueuePropertyRequest(queue_name=name, body=body))


def delete(sdk: DliClient, *keys: str, name: str = QUEUE) -> Any:
    body = model.DeleteQueuePropertyRequestBody(keys=list(keys))
    return sdk.delete_queue_property(model.DeleteQueuePropertyRequest(queue_name=name, body=body))


def test_properties_are_set_shown_as_texts_and_taken_away(sdk: DliClient) -> None:
    assert properties(sdk) == {}
    created = model.CreateQueuePropertyRequestBody(model.CommonQueueProperty(compute_engine_max_instance=4))
    answer = sdk.create_queue_property(model.CreateQueuePropertyRequest(queue_name=QUEUE, body=created))
    assert (answer.is_success, answer.message) == (True, "Properties of the queue changed.")
    answer = update(sdk, job_max_concurrent=5, compute_engine_spark_native_enabled="true")
    assert answer.is_success is True
    update(sdk, compute_engine_max_instance=6, compute_engine_max_prefetch_instance=0)
    assert properties(sdk) == {
        "computeEngine.maxInstance": "6",
        "computeEngine.maxPrefetchInstance": "0",
        "computeEngine.spark.nativeEnabled": "true",
        "job.maxConcurrent": "5",
    }
    assert properties(sdk, limit=1, offset=3) == {"job.maxConcurrent": "5"}
    assert properties(sdk, offset=4) == {}
    assert delete(sdk, "computeEngine.maxInstance", "never there").is_success is True
    assert "computeEngine.maxInstance" not in properties(sdk)


def test_properties_can_come_with_the_creation(sdk: DliClient) -> None:
    native = model.CreateQueueRequestBodyProperties(compute_engine_spark_native_enabled="true")
    body = model.CreateQueueRequestBody(queue_name="stream_c", cu_count=16, properties=native)
    sdk.create_queue(model.CreateQueueRequest(body=body))
    assert properties(sdk, "stream_c") == {"computeEngine.spark.nativeEnabled": "true"}


def test_properties_that_no_queue_has_are_refused(service: Service, sdk: DliClient) -> None:
    assert error_of(lambda: update(sdk, network_cidr_in_vpc="10.0.0.0/8")) == (400, "DLI.0007")
    path = f"/v3/{service.key.project_id}/queues/{QUEUE}/properties"
    for given in ({"job.other": 1}, {"job.maxConcurrent": [1]}, {"job.maxConcurrent": "1" * 513}, [], None):
        answer = service.http.put(path, json={"properties": given})
        assert (answer.status_code, answer.json()["error_code"]) == (400, "DLI.0001")
    assert service.http.put(path, json={"properties": {"job.maxConcurrent": None}}).status_code == 200
    assert properties(sdk) == {}


def test_properties_of_other_queues_are_not_there_or_not_to_be_changed(sdk: DliClient) -> None:
    assert error_of(properties, sdk, "nowhere") == (400, "DLI.0002")
    assert error_of(lambda: update(sdk, "nowhere", job_max_concurrent=1)) == (400, "DLI.0002")
    assert error_of(lambda: delete(sdk, "job.maxConcurrent", name="nowhere")) == (400, "DLI.0002")
    assert properties(sdk, "default") == {}
    assert error_of(lambda: update(sdk, "default", job_max_concurrent=1)) == (400, "DLI.0007")


def test_a_queue_is_listed_under_the_pool_that_it_names(sdk: DliClient) -> None:
    body = model.CreateQueueRequestBody(
        queue_name="stream_c", cu_count=16, elastic_resource_pool_name="pool", enterprise_project_id="e1"
    )
    sdk.create_queue(model.CreateQueueRequest(body=body))
    joining = model.AssociateQueueToElasticResourcePoolRequest(
        "pool", model.AssociateQueueToElasticResourcePoolRequestBody(queue_name=QUEUE)
    )
    assert sdk.associate_queue_to_elastic_resource_pool(joining).is_success is True
    assert error_of(sdk.associate_queue_to_elastic_resource_pool, joining) == (400, "DLI.0007")
    listing = sdk.list_elastic_resource_pool_queues(model.ListElasticResourcePoolQueuesRequest("pool"))
    assert (listing.is_success, listing.message, listing.count) == (True, "", 2)
    assert [each.queue_name for each in listing.queues] == [QUEUE, "stream_c"]
    one = sdk.list_elastic_resource_pool_queues(
        model.ListElasticResourcePoolQueuesRequest("pool", queue_name="eam_c", limit=100)
    )
    (queue,) = one.queues
    assert (queue.queue_name, queue.queue_type, queue.enterprise_project_id) == ("stream_c", "sql", "e1")
    assert (queue.owner, queue.engine, queue.queue_scaling_policies) == ("maria", None, [])
    assert isinstance(queue.create_time, int)
    nobody = model.ListElasticResourcePoolQueuesRequest("nobody")
    assert sdk.list_elastic_resource_pool_queues(nobody).queues == []


def test_quotas_tell_what_the_project_uses_and_that_nothing_is_limited(service: Service, sdk: DliClient) -> None:
    empty = {"X-Sdk-Content-Sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
    service.http.put(f"/penstock/v1/{service.key.project_id}/packages/a.csv", headers=empty).raise_for_status()
    answer = sdk.show_quota(model.ShowQuotaRequest())
    assert answer.is_success is True
    told = [(each.type, each.min, each.max, each.quota, each.used) for each in answer.quotas.resources]
    assert told == [("CU", 0, -1, -1, 16), ("QUEUE", 0, -1, -1, 1), ("SL_PKG_RESOURCE", 0, -1, -1, 1)]


@pytest.mark.filterwarnings("ignore:Method .* of DliClient is deprecated")
def test_what_queues_do_not_have_is_refused_with_a_reason(service: Service, sdk: DliClient) -> None:
    plan = model.QueuePlanRequestBody(
        plan_name="p", target_cu=32, start_hour=1, start_minute=0, repeat_day=["MONDAY"]
    )
    task = model.CreateConnectivityTaskRequestBody(address="tcp:127.0.0.1:1")
    doomed = model.BatchDeleteQueuePlansRequestBody(plan_ids=[1])
    cidr = model.UpdateQueueCidrRequestBody(cidr_in_vpc="10.0.0.0/8")
    grant = model.RegisterAuthorizedQueueRequestBody(
        queue_name=QUEUE, user_name="li", action="grant", privileges=["SUBMIT_JOB"]
    )
    policies = model.UpdateElasticResourcePoolQueueRequestBody(queue_scaling_policies=[])
    for call, request in (
        (sdk.list_queue_plans, model.ListQueuePlansRequest(QUEUE)),
        (sdk.create_queue_plan, model.CreateQueuePlanRequest(QUEUE, plan)),
        (sdk.update_queue_plan, model.UpdateQueuePlanRequest(plan_id="1", queue_name=QUEUE, body=plan)),
        (sdk.delete_queue_plan, model.DeleteQueuePlanRequest(plan_id="1", queue_name=QUEUE)),
        (sdk.batch_delete_queue_plans, model.BatchDeleteQueuePlansRequest(QUEUE, doomed)),
        (sdk.update_queue_cidr, model.UpdateQueueCidrRequest(QUEUE, cidr)),
        (sdk.create_connectivity_task, model.CreateConnectivityTaskRequest(QUEUE, task)),
        (sdk.show_connectivity_task, model.ShowConnectivityTaskRequest(queue_name=QUEUE, task_id="1")),
        (sdk.list_queue_users, model.ListQueueUsersRequest(QUEUE)),
        (sdk.register_authorized_queue, model.RegisterAuthorizedQueueRequest(grant)),
        (
            sdk.update_elastic_resource_pool_queue,
            model.UpdateElasticResourcePoolQueueRequest("pool", QUEUE, policies),
        ),
    ):
        assert error_of(call, request) == (400, "DLI.0007")
    granting = service.http.put(f"/v1.0/{service.key.project_id}/queues/user-authorization", json={})
    assert granting.json()["error_msg"].startswith("authorize_queue is not supported: ")
    path = f"/v1/{service.key.project_id}/queues/{QUEUE}/plans"
    assert service.http.get(path).json()["error_msg"] == (
        "list_queue_plans is not supported: queues have no plans: change the size of one with the call `action`"
    )
