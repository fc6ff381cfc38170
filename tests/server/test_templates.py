"""Templates through the API, and jobs that are made of them."""

from typing import Any

import httpx
import pytest

from penstock.domain.template import MOST
from tests.serving import Service


def call(service: Service, method: str, tail: str = "", body: object = None) -> httpx.Response:
    return service.call(method, f"/job-templates{tail}", body)


def create(service: Service, name: str = "count", **fields: object) -> dict[str, Any]:
    response = call(service, "POST", "", {"name": name, **fields})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["is_success"] is True
    return dict(answer["template"])


def listed(service: Service, query: str = "") -> list[dict[str, Any]]:
    answer = call(service, "GET", query).json()
    assert answer["is_success"] is True
    return list(answer["template_list"]["templates"])


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    answer = response.json()
    return response.status_code, answer["error_code"], answer["error_msg"]


def test_a_template_is_created_and_listed(service: Service) -> None:
    made = create(service, desc="by hour", sql_body="SELECT 1", job_type="flink_opensource_sql_job")
    now = made["create_time"]
    head = {
        "template_id": made["template_id"],
        "name": "count",
        "desc": "by hour",
        "create_time": now,
        "job_type": "flink_opensource_sql_job",
    }
    assert made == head
    assert abs(now - service.clock()) < 60_000
    assert listed(service) == [head | {"update_time": now, "sql_body": "SELECT 1"}]


def test_what_is_not_given_has_the_defaults_of_the_page(service: Service) -> None:
    create(service)
    [shown] = listed(service)
    assert (shown["desc"], shown["sql_body"], shown["job_type"]) == ("", "", "flink_sql_job")


def test_an_update_changes_what_it_names(service: Service) -> None:
    made = create(service, desc="by hour", sql_body="SELECT 1")
    service.clock.offset_ms += 5000
    answer = call(service, "PUT", f"/{made['template_id']}", {"sql_body": "SELECT 2", "desc": ""}).json()
    assert answer == {"is_success": True, "message": "Template updated."}
    [shown] = listed(service)
    assert (shown["name"], shown["desc"], shown["sql_body"]) == ("count", "", "SELECT 2")
    assert shown["create_time"] == made["create_time"]
    assert shown["update_time"] >= made["create_time"] + 5000


def test_the_type_of_a_template_does_not_change(service: Service) -> None:
    made = create(service)
    assert call(service, "PUT", f"/{made['template_id']}", {"job_type": "flink_opensource_sql_job"}).is_success
    assert listed(service)[0]["job_type"] == "flink_sql_job"


def test_a_deleted_template_is_gone(service: Service) -> None:
    made = create(service)
    tail = f"/{made['template_id']}"
    answer = call(service, "DELETE", tail).json()
    assert answer == {
        "is_success": True,
        "message": "Template deleted.",
        "template": {"template_id": made["template_id"]},
    }
    assert refusal(call(service, "DELETE", tail)) == (400, "DLI.0002", f"template {tail[1:]} does not exist")
    assert listed(service) == []


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("?&limit=100&name=lick", ["clicks_2", "clicks_1"]),  # as Terraform asks
        ("?name=&tags=&order=asc", ["clicks_1", "visits", "clicks_2"]),
        ("?tags=team%3Dweb,stage%3Ddev", ["clicks_1"]),
        ("?limit=1&offset=1", ["visits"]),
        ("?limit=0", []),
    ],
)
def test_a_list_shows_what_is_asked_for(service: Service, query: str, names: list[str]) -> None:
    web = {"key": "team", "value": "web"}
    create(service, "clicks_1", tags=[web, {"key": "stage", "value": "dev"}])
    create(service, "visits", tags=[web])
    create(service, "clicks_2", tags=None)
    assert [each["name"] for each in listed(service, query)] == names


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "name must be a text"),
        ({"name": ""}, "name must be a text of 1 to 64 characters"),
        ({"name": "x" * 65}, "name must be a text of 1 to 64 characters"),
        ({"name": "a\nb"}, "name must not be blank, nor hold control"),
        ({"name": "x", "desc": "x" * 2049}, "desc must be a text of at most 2048 characters"),
        ({"name": "x", "job_type": "flink_jar_job"}, "job_type must be one of flink_"),
        ({"name": "x", "tags": [{"key": "_sys_a", "value": "b"}]}, "tags: a key must not start with _sys_"),
    ],
)
def test_what_is_no_template_is_refused(service: Service, body: object, told: str) -> None:
    status, code, text = refusal(call(service, "POST", "", body))
    assert (status, code) == (400, "DLI.0001")
    assert text.startswith(told)


@pytest.mark.parametrize("query", ["?limit=101", "?offset=-1", "?order=name", "?tags=x", "?limit=x"])
def test_what_is_no_page_is_refused(service: Service, query: str) -> None:
    assert refusal(call(service, "GET", query))[:2] == (400, "DLI.0001")


@pytest.mark.parametrize(
    ("template_id", "code"), [("7", "DLI.0002"), ("-1", "DLI.0002"), ("9" * 30, "DLI.0002"), ("x", "DLI.0001")]
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_an_id_that_no_template_has_is_told(service: Service, method: str, template_id: str, code: str) -> None:
    assert refusal(call(service, method, f"/{template_id}", {}))[:2] == (400, code)


def test_a_taken_name_and_a_full_project_are_told(service: Service) -> None:
    made = [create(service, f"t{number}") for number in range(MOST)]
    assert refusal(call(service, "POST", "", {"name": "more"}))[:2] == (400, "DLI.1028")
    call(service, "DELETE", f"/{made[0]['template_id']}")
    assert refusal(call(service, "POST", "", {"name": "t1"}))[:2] == (400, "DLI.0006")
    renamed = call(service, "PUT", f"/{made[2]['template_id']}", {"name": "t1"})
    assert refusal(renamed)[:2] == (400, "DLI.0006")


def test_templates_of_another_project_are_not_there(service: Service) -> None:
    made = create(service)
    other = service.new_key("other", "ann")
    with service.client(other) as http:
        path = service.path("/job-templates", other.project_id)
        assert http.get(path).json()["template_list"]["total_count"] == 0
        assert http.delete(f"{path}/{made['template_id']}").json()["error_code"] == "DLI.0002"
        body = {"name": "x", "template_id": made["template_id"]}
        refused = http.post(service.path("/sql-jobs", other.project_id), json=body)
        assert refused.json()["error_code"] == "DLI.0002"
    assert len(listed(service)) == 1


def test_a_job_takes_script_and_type_of_a_template_as_they_are_then(service: Service) -> None:
    template_id = create(service, sql_body="SELECT 1")["template_id"]
    job_ids = [service.create(template_id=template_id, **fields) for fields in ({}, {"sql_body": ""})]
    call(service, "PUT", f"/{template_id}", {"sql_body": "SELECT 2"})
    call(service, "DELETE", f"/{template_id}")
    for job_id in job_ids:
        shown = service.show(job_id)
        assert (shown["sql_body"], shown["job_type"]) == ("SELECT 1", "flink_sql_job")


def test_what_a_call_says_itself_counts_before_the_template(service: Service) -> None:
    template_id = create(service, sql_body="SELECT 1")["template_id"]
    of_other_type = service.show(service.create(template_id=template_id, job_type="flink_opensource_sql_job"))
    assert (of_other_type["sql_body"], of_other_type["job_type"]) == ("SELECT 1", "flink_opensource_sql_job")
    own = service.show(service.create(template_id=template_id, sql_body="SELECT 3"))
    assert (own["sql_body"], own["job_type"]) == ("SELECT 3", "flink_opensource_sql_job")
