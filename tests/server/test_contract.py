"""The server keeps what its OpenAPI document promises; `make fuzz` asks 20 times as much."""

from tests import serving
from tests.server import contract
from tests.serving import Service


def test_every_answer_to_2000_requests_is_one_that_the_document_promises(
    service: Service, port: tuple[str, serving.Switch]
) -> None:
    tally = contract.examine(service, port[1], 2600)
    print(tally.summary())
    assert tally.failures == {}
    assert tally.statuses.total() >= 2000
    assert {status // 100 for status in tally.statuses} == {2, 4}
    paths = service.anonymous.get("/openapi.json").json()["paths"]
    assert len(tally.by_operation) == sum(map(len, paths.values()))


def test_an_answer_that_the_document_does_not_promise_is_found(service: Service) -> None:
    document = service.anonymous.get("/openapi.json").json()
    document["paths"] = {"/healthz": document["paths"]["/healthz"]}
    document["components"]["schemas"]["Health"]["properties"]["status"] = {"type": "integer"}
    asked = contract.contract_with(service, document)
    for operation in contract.operations(asked):
        asked.play(operation, examples=1, number=1)
    assert "is not of type" in asked.tally.failures["GET /healthz"]
