import pytest

from penstock.dli import errors as wire
from penstock.domain import errors


@pytest.mark.parametrize("kind", [*errors.PenstockError.__subclasses__()])
def test_every_error_meant_for_the_caller_has_a_code_of_its_own(kind: type[errors.PenstockError]) -> None:
    status, body = wire.failure(kind("what and why"), "id")
    assert 400 <= status < 500
    assert body.error_code not in ("", wire.UNEXPECTED.code)
    assert body.error_msg.endswith("what and why")
    assert body.request_id == ("id" if body.error_code.startswith("APIGW") else "")


def test_an_unexpected_error_tells_nothing_but_the_request() -> None:
    status, body = wire.failure(OSError("/etc/secret"), "id")
    assert (status, body) == (500, wire.Failure("DLI.0999", "The service met an unexpected error.", "id"))
