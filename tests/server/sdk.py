"""The official Python SDK, unmodified, as a client of a running service."""

import pytest
from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.exceptions.exceptions import ClientRequestException
from huaweicloudsdkcore.http.http_config import HttpConfig
from huaweicloudsdkdli.v1 import DliClient

from tests.serving import Service


def client_of(service: Service, secret: str | None = None, project: str | None = None) -> DliClient:
    credentials = BasicCredentials(
        service.key.access_key, secret or service.key.secret, project or service.key.project_id
    )
    config = HttpConfig(proxy_protocol=None)
    builder = DliClient.new_builder().with_http_config(config).with_credentials(credentials)
    return builder.with_endpoint(service.url).build()


def error_of(call: object, *arguments: object) -> tuple[int, str]:
    with pytest.raises(ClientRequestException) as caught:
        call(*arguments)  # type: ignore[operator]
    assert caught.value.request_id
    return caught.value.status_code, caught.value.error_code
