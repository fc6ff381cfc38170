"""Which service a command speaks to."""

import pytest
from starlette.responses import Response
from typer.testing import CliRunner

from penstock.cli.main import app
from tests import serving
from tests.serving import Switch

NOWHERE = {
    "PENSTOCK_ENDPOINT": "http://127.0.0.1:1",
    "HUAWEICLOUD_SDK_AK": "a",
    "HUAWEICLOUD_SDK_SK": "s",
    "HUAWEICLOUD_SDK_PROJECT_ID": "p",
}


@pytest.mark.parametrize("missing", NOWHERE)
def test_a_variable_that_is_not_set_is_named_with_the_way_to_set_it(missing: str) -> None:
    done = CliRunner().invoke(app, ["orphans", "list"], env={**NOWHERE, missing: None})
    assert done.exit_code == 1
    assert done.stderr == f'penstock: {missing} not set; set them with: eval "$(penstock env)"\n'


def test_a_service_that_does_not_answer_is_named() -> None:
    done = CliRunner().invoke(app, ["orphans", "list"], env=NOWHERE)
    assert done.exit_code == 1
    assert done.stderr.startswith("penstock: no answer from http://127.0.0.1:1")


@pytest.mark.parametrize("endpoint", ["nowhere", "ftp://nowhere", "http://..", "http://xn--", "http://[v1.a]"])
def test_an_endpoint_that_is_none_is_named_in_one_line(endpoint: str) -> None:
    done = CliRunner().invoke(app, ["queues", "list"], env={**NOWHERE, "PENSTOCK_ENDPOINT": endpoint})
    assert done.exit_code == 1
    assert done.stderr.startswith(f"penstock: no answer from {endpoint}: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({}, "the answer is not one of the API (200)"),
        ({"Content-Encoding": "gzip"}, "no answer from http://127.0.0.1"),
    ],
)
def test_what_answers_and_is_no_service_is_told_in_one_line(headers: dict[str, str], told: str) -> None:
    with serving.listening(Switch(Response("{}", headers=headers))) as url:
        done = CliRunner().invoke(app, ["queues", "list"], env={**NOWHERE, "PENSTOCK_ENDPOINT": url})
    assert done.exit_code == 1
    assert done.stderr.startswith(f"penstock: {told}")
    assert done.stderr.count("\n") == 1
