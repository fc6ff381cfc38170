"""The contract, served: it tells of every operation, and needs no key."""

from penstock.server import app
from tests.serving import Service


def test_the_openapi_document_tells_of_every_operation_to_everybody(service: Service) -> None:
    told = service.anonymous.get("/openapi.json").json()
    assert told["openapi"] == "3.1.0"
    named = {call["operationId"] for calls in told["paths"].values() for call in calls.values()}
    assert named == {each.name for each in app.OPERATIONS} - {"openapi_document", "reference_page"}


def test_a_list_says_both_of_its_shapes_and_its_parameters(service: Service) -> None:
    told = service.anonymous.get("/openapi.json").json()["paths"]["/v1.0/{project_id}/streaming/jobs"]["get"]
    assert len(told["responses"]["200"]["content"]["application/json"]["schema"]["anyOf"]) == 2
    limit = next(each["schema"] for each in told["parameters"] if each["name"] == "limit")
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (0, 100, 10)


def test_the_page_to_read_names_every_operation(service: Service) -> None:
    page = service.anonymous.get("/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    assert all(f"<h2>{each.name}</h2>" in page.text for each in app.OPERATIONS if each.action is not None)
