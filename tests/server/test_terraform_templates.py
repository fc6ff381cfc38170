"""Terraform's flink_template, job export and job import, call by call, as its Go client signs them.

Read from the same commit of the provider as `tests/terraform.py`; the checks are those that it makes.
"""

from typing import Any

import pytest

from tests.golangsdk import JSON, GoClient
from tests.serving import Service

TEMPLATES, JOBS = "v1.0/{p}/streaming/job-templates", "v1.0/{p}/streaming/jobs"
JUST_200 = (200,)
FULL: dict[str, Any] = {
    "name": "counts",
    "sql_body": "INSERT INTO t SELECT 1;",
    "desc": "ours",
    "job_type": "flink_opensource_sql_job",
    "tags": [{"key": "team", "value": "web"}],
}


def ask(go: GoClient, method: str, path: str, body: object = None) -> Any:
    answer = go.call(method, path, body, headers={}, ok=JUST_200)
    assert answer["is_success"] is True
    return answer


def read(go: GoClient, id: int, name: str) -> dict[str, Any] | None:
    """Find a template as a refresh does: in the first hundred of its name."""
    found = ask(go, "GET", f"{TEMPLATES}?&limit=100&name={name}")["template_list"]["templates"]
    return next((each for each in found if each["template_id"] == id), None)


@pytest.mark.parametrize("body", [FULL, {"name": "counts", "tags": None}])
def test_a_template_is_what_its_configuration_says_until_it_is_destroyed(
    go: GoClient, body: dict[str, Any]
) -> None:
    id = ask(go, "POST", TEMPLATES, body)["template"]["template_id"]
    assert type(id) is int
    assert 0 < id < 1_000_000  # larger ones are written with an exponent
    template = read(go, id, "counts")
    assert template is not None
    wanted = {"sql_body": "", "desc": "", **body}
    del wanted["tags"]
    assert {name: template[name] for name in wanted} == wanted
    assert {type(template[name]) for name in ("create_time", "update_time")} == {int}

    ask(go, "PUT", f"{TEMPLATES}/{id}", {"name": "sums", "sql_body": "INSERT INTO t SELECT 2;", "desc": "yours"})
    changed = read(go, id, "sums")
    assert changed is not None
    assert (changed["name"], changed["sql_body"], changed["desc"]) == ("sums", "INSERT INTO t SELECT 2;", "yours")
    assert changed["job_type"] == template["job_type"]

    ask(go, "DELETE", f"{TEMPLATES}/{id}")
    assert read(go, id, "sums") is None


def test_the_data_source_of_templates_reads_pages_of_50_until_one_is_empty(go: GoClient) -> None:
    for number in range(51):
        ask(go, "POST", TEMPLATES, {"name": f"t_{number:02}", "tags": None})
    pages = [
        go.call("GET", f"{TEMPLATES}?limit=50&name=t_&offset={offset}", headers=JSON)["template_list"]["templates"]
        for offset in (0, 50, 100)
    ]
    assert [len(page) for page in pages] == [50, 1, 0]


def test_jobs_are_exported_and_imported(service: Service, go: GoClient) -> None:
    job_id = service.create(name="clicks", tags=[{"key": "team", "value": "web"}])
    body = {"obs_dir": "state/out", "is_selected": True, "job_selected": [job_id]}
    answer = go.call("POST", f"{JOBS}/export", body, headers=JSON)
    assert answer["is_success"] == "true"
    (zip_file,) = answer["zip_file"]
    service.call("DELETE", f"/jobs/{job_id}")
    answer = go.call("POST", f"{JOBS}/import", {"zip_file": zip_file}, headers=JSON)
    assert answer["is_success"] == "true"
    (mapped,) = answer["job_mapping"]
    assert service.show(mapped["new_job_id"])["name"] == "clicks"
    covering = go.call("POST", f"{JOBS}/import", {"zip_file": zip_file, "is_cover": True}, headers=JSON)
    assert covering["job_mapping"][0]["new_job_id"] == mapped["new_job_id"]
