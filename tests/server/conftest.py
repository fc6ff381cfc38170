from collections.abc import Iterator
from pathlib import Path

import pytest
from huaweicloudsdkdli.v1 import DliClient

from penstock.store.access import Key
from tests import serving
from tests.golangsdk import GoClient
from tests.server.sdk import client_of


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Key]:
    folder = tmp_path_factory.mktemp("template")
    return folder, serving.new_folder(folder)


@pytest.fixture(scope="session")
def port() -> Iterator[tuple[str, serving.Switch]]:
    switch = serving.Switch()
    with serving.listening(switch) as url:
        yield url, switch


@pytest.fixture
def service(
    tmp_path: Path, template: tuple[Path, Key], port: tuple[str, serving.Switch]
) -> Iterator[serving.Service]:
    with serving.service_in(tmp_path / "data", *template, *port) as running:
        yield running


@pytest.fixture
def sdk(service: serving.Service, monkeypatch: pytest.MonkeyPatch) -> DliClient:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    return client_of(service)


@pytest.fixture
def go(service: serving.Service) -> GoClient:
    key = service.key
    return GoClient(service.anonymous, service.url, key.access_key, key.secret, key.project_id)
