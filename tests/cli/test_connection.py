"""Which service a command speaks to."""

import pytest
from typer.testing import CliRunner

from penstock.cli.main import app

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
