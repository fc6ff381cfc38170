"""The commands, run against a service without an engine."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from penstock.cli.main import app
from tests import serving
from tests.serving import Service, Switch

Command = Callable[..., Result]


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
def penstock(service: Service) -> Command:
    """Run a command of Penstock in the environment that `penstock env` prints."""
    environment = {
        "PENSTOCK_ENDPOINT": service.url,
        "HUAWEICLOUD_SDK_AK": service.key.access_key,
        "HUAWEICLOUD_SDK_SK": service.key.secret,
        "HUAWEICLOUD_SDK_PROJECT_ID": service.key.project_id,
    }

    def run(*words: str) -> Result:
        return CliRunner().invoke(app, words, env=environment)

    return run
