"""The official Python SDK finds its project by the region, and calls with a token."""

import uuid
from typing import Any

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials, GlobalCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException, SdkException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkcore.region.region import Region
from huaweicloudsdkdli.v1 import DliClient, model

from penstock.domain.roles import Role
from penstock.store import access, members
from penstock.store.access import Key
from tests.server.test_iam import token_of
from tests.serving import Service


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def region() -> str:
    """A name that the SDK, which remembers what it has found, has not met."""
    return f"cn-{uuid.uuid4().hex}"


def client_of(service: Service, region: str, credentials: BasicCredentials) -> DliClient:
    builder = DliClient.new_builder().with_http_config(HttpConfig(proxy_protocol=None))
    return builder.with_credentials(credentials).with_region(Region(region, service.url)).build()


def created_by(client: DliClient) -> tuple[object, object]:
    body = model.CreateFlinkSqlJobRequestBody(name="clicks")
    made = client.create_flink_sql_job(model.CreateFlinkSqlJobRequest(body=body))
    listed = client.list_flink_jobs(model.ListFlinkJobsRequest())
    assert [job.job_id for job in listed.job_list.jobs] == [made.job.job_id]
    return made.is_success, listed.is_success


@pytest.mark.parametrize("way", ["environment", "credentials"])
def test_a_client_without_a_project_id_finds_the_project_of_its_region(
    service: Service, region: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = service.new_key(region, "maria")
    credentials = BasicCredentials(key.access_key, key.secret)
    if way == "environment":
        monkeypatch.setenv("HUAWEICLOUD_SDK_IAM_ENDPOINT", service.url)
    else:
        credentials.with_iam_endpoint(service.url)
    assert created_by(client_of(service, region, credentials)) == ("true", "true")
    assert credentials.project_id == key.project_id
    assert service.names() == []


def test_a_region_without_a_project_is_told_by_the_client(service: Service, region: str) -> None:
    key = service.new_key("main", "maria")
    credentials = BasicCredentials(key.access_key, key.secret).with_iam_endpoint(service.url)
    with pytest.raises(SdkException, match=f"Failed to get project id of region '{region}'"):
        client_of(service, region, credentials)


def test_a_wrong_secret_is_told_by_the_client(service: Service, region: str) -> None:
    key = service.new_key(region, "maria")
    credentials = BasicCredentials(key.access_key, "wrong").with_iam_endpoint(service.url)
    with pytest.raises(SdkException, match=r"APIGW\.0301"):
        client_of(service, region, credentials)


def test_the_domain_is_found_too(service: Service) -> None:
    key = service.new_key("main", "ann")
    credentials = GlobalCredentials(key.access_key, key.secret).with_iam_endpoint(service.url)
    http = client_of(service, "any", BasicCredentials("x", "x", "x"))._http_client
    credentials.process_auth_params(http, "cn-north-4")
    assert credentials.domain_id == "default"


def with_token(client: DliClient, token: str) -> Any:
    """Add a header, as the SDK lets its users; it signs nothing that has an `Authorization`."""
    invoker = client.list_flink_jobs_invoker(model.ListFlinkJobsRequest())
    return invoker.add_header("X-Auth-Token", token).add_header("Authorization", "")


def test_the_key_of_a_disabled_user_is_refused_in_the_sdks_own_terms(service: Service) -> None:
    key = service.new_key("main", "ann", Role.READER)
    client = client_of(service, "any", BasicCredentials(key.access_key, key.secret, key.project_id))
    assert client.list_flink_jobs(model.ListFlinkJobsRequest()).job_list.total_count == 0
    body = model.CreateFlinkSqlJobRequestBody(name="clicks")
    assert failure(client.create_flink_sql_job, model.CreateFlinkSqlJobRequest(body=body)) == (403, "APIGW.0302")
    disable(service, key)
    assert failure(client.list_flink_jobs, model.ListFlinkJobsRequest()) == (401, "APIGW.0301")


def failure(call: Any, request: object) -> tuple[int, str]:
    with pytest.raises(ClientRequestException) as caught:
        call(request)
    assert caught.value.request_id
    return caught.value.status_code, caught.value.error_code


def disable(service: Service, key: Key) -> None:
    with service.database.write() as tx:
        access.disable(tx, access.get_issued(tx, key.access_key), service.clock())
        assert members.roles_of(tx, key.user_id)


def test_a_token_goes_with_the_sdks_calls(service: Service) -> None:
    service.create(name="clicks")
    client = client_of(service, "any", BasicCredentials("x", "x", service.key.project_id))
    answer = with_token(client, token_of(service)).invoke()
    assert (answer.is_success, answer.job_list.jobs[0].name) == ("true", "clicks")
