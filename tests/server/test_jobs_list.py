"""The list: each query parameter with its rules, the shape of the answer, and what each field says."""

import uuid
from typing import Any

import httpx
import pytest

from penstock.domain.job import Savepoint, SavepointOrigin, Status
from tests.serving import Service

covers = pytest.mark.covers

SUMMARY = [
    "job_id", "name", "desc", "user_name", "job_type", "status", "status_desc", "create_time", "start_time",
    "duration", "root_id", "graph_editor_enabled", "has_savepoint", "queue_name", "edge_group_ids",
    "restart_times", "savepoint_path",
]  # fmt: skip
DETAIL = [
    "job_id", "name", "desc", "job_type", "status", "status_desc", "create_time", "start_time",
    "graph_editor_enabled", "has_savepoint", "user_id", "project_id", "sql_body", "run_mode", "job_config",
    "main_class", "entrypoint_args", "execution_graph", "update_time", "queue_name", "edge_group_ids",
    "restart_times", "savepoint_path",
]  # fmt: skip
CONFIG: dict[str, Any] = {
    "checkpoint_enabled": False, "checkpoint_mode": "exactly_once", "checkpoint_interval": 10,
    "log_enabled": False, "obs_bucket": None, "smn_topic": None, "root_id": -1, "edge_group_ids": None,
    "manager_cu_number": 1, "cu_number": 2, "parallel_number": 1, "restart_when_exception": False,
    "idle_state_retention": 3600, "udf_jar_url": None, "dirty_data_strategy": None, "entrypoint": None,
    "dependency_jars": None, "dependency_files": None, "executor_number": None, "executor_cu_number": None,
    "resume_checkpoint": False, "runtime_config": None, "graph_editor_enabled": False,
    "graph_editor_data": None, "resume_max_num": -1, "checkpoint_path": None, "config_url": None, "tm_cus": 1,
    "tm_slot_num": None, "image": None, "feature": None, "flink_version": None, "operator_config": None,
    "static_estimator_config": None, "real_cu_number": 0, "execution_agency_urn": None,
    "flink_log_config": None, "resource_config": None, "resource_config_version": "v1",
}  # fmt: skip


def job_list(service: Service, **query: object) -> dict[str, Any]:
    response = service.call("GET", "/jobs", **query)
    assert response.status_code == 200, response.text
    return dict(response.json()["job_list"])


def raw(service: Service, query: str) -> httpx.Response:
    return service.http.get(service.path(f"/jobs?{query}"))


@covers("B1")
@covers("B2")
@covers("B3")
@covers("B4")
@covers("B5")
@covers("B6")
def test_an_empty_list_is_a_full_answer(service: Service) -> None:
    response = service.call("GET", "/jobs")
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/json"
    assert response.text == '{"is_success":"true","message":"","job_list":{"total_count":0,"jobs":[]}}'


@covers("A8")
@covers("C11")
@covers("C12")
@covers("C24")
def test_a_summary_holds_these_keys_in_this_order(service: Service) -> None:
    job_id = service.create(name="clicks", desc="of the shop", queue_name="stream_a")
    (job,) = job_list(service, show_detail="false")["jobs"]
    assert list(job) == SUMMARY
    assert job == {
        "job_id": job_id,
        "name": "clicks",
        "desc": "of the shop",
        "user_name": "maria",
        "job_type": "flink_opensource_sql_job",
        "status": "job_init",
        "status_desc": "",
        "create_time": job["create_time"],
        "start_time": 0,
        "duration": 0,
        "root_id": -1,
        "graph_editor_enabled": False,
        "has_savepoint": False,
        "queue_name": "stream_a",
        "edge_group_ids": None,
        "restart_times": 0,
        "savepoint_path": None,
    }
    assert abs(job["create_time"] - service.clock()) < 60_000


@covers("A8")
@covers("C14")
@covers("C15")
@covers("E7")
@covers("E8")
@covers("E19")
@covers("E20")
@covers("E23")
@covers("E24")
@covers("E27")
def test_a_detail_holds_these_keys_in_this_order(service: Service) -> None:
    service.create(sql_body="SELECT 1")
    (job,) = job_list(service, show_detail="TRUE")["jobs"]
    assert list(job) == DETAIL
    assert list(job["job_config"].items()) == list(CONFIG.items())
    assert job["user_id"] == service.key.user_id
    assert job["project_id"] == service.key.project_id
    assert [job[key] for key in ("main_class", "entrypoint_args", "execution_graph")] == [None, None, None]
    assert [job["start_time"], job["update_time"]] == [0, job["create_time"]]


@covers("C9")
def test_a_job_that_never_started_is_shown_without_a_start_time(service: Service) -> None:
    shown = service.show(service.create())
    assert list(shown) == DETAIL
    assert shown["start_time"] is None


@covers("C10")
def test_the_duration_grows_while_a_job_runs_and_stays_when_it_has_ended(service: Service) -> None:
    job_id, now = service.create(), service.clock()
    service.becomes(job_id, status=Status.RUNNING, started_at=now - 90_000)
    first = job_list(service)["jobs"][0]
    service.clock.offset_ms = 60_000
    assert first["start_time"] == now - 90_000
    assert 90_000 <= first["duration"] < 120_000
    assert job_list(service)["jobs"][0]["duration"] >= first["duration"] + 60_000
    service.becomes(job_id, status=Status.FINISHED, ended_at=now - 10_000)
    assert job_list(service)["jobs"][0]["duration"] == 80_000


def test_what_the_controller_saw_is_listed(service: Service) -> None:
    job_id = service.create()
    savepoint = Savepoint("obs://penstock/jobs/savepoint/1/savepoint-1/", SavepointOrigin.REQUEST)
    service.becomes(
        job_id,
        status=Status.EXCEPTION,
        reason="no such table",
        restart_count=3,
        savepoint=savepoint,
        execution_plan="{}",
    )
    (summary,) = job_list(service)["jobs"]
    seen = {
        key: summary[key] for key in ("status", "status_desc", "restart_times", "has_savepoint", "savepoint_path")
    }
    assert seen == {
        "status": "job_running_exception",
        "status_desc": "no such table",
        "restart_times": 3,
        "has_savepoint": True,
        "savepoint_path": savepoint.path,
    }
    shown = service.show(job_id)
    assert {key: shown[key] for key in seen} == seen
    assert shown["execution_graph"] == "{}"


@covers("A0")
def test_a_project_sees_only_its_own_jobs(service: Service) -> None:
    job_id = service.create(name="ours")
    other = service.new_key("other", "li")
    with service.client(other) as http:
        listed = http.get(service.path("/jobs", other.project_id)).json()["job_list"]
        assert listed == {"total_count": 0, "jobs": []}
        assert http.get(service.path(f"/jobs/{job_id}", other.project_id)).json()["error_code"] == "DLI.16001"
        for verb in ("run", "stop", "delete"):
            batch = http.post(service.path(f"/jobs/{verb}", other.project_id), json={"job_ids": [job_id]})
            assert (batch.status_code, batch.json()[0]["error_code"]) == (400, "DLI.16001")
        assert http.delete(service.path(f"/jobs/{job_id}", other.project_id)).status_code == 400
        update = http.put(service.path(f"/sql-jobs/{job_id}", other.project_id), json={"name": "theirs"})
        assert update.json()["error_code"] == "DLI.16001"
    assert service.show(job_id)["name"] == "ours"


@covers("A1")
@covers("C5")
def test_job_type_shows_only_its_own_kind(service: Service) -> None:
    service.create(name="old", job_type="flink_sql_job")
    service.create(name="new", job_type="flink_opensource_sql_job")
    assert service.names(job_type="flink_sql_job") == ["old"]
    assert service.names(job_type="flink_opensource_sql_job") == ["new"]
    assert service.names(job_type="flink_jar_job") == []
    assert service.names(job_type="flink_sql_edge_job") == []


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(status, marks=covers(row))
        for status, row in {
            "job_downloading": "D6",
            "job_idle": "D7",
            "job_arrearage_stopped": "D12",
            "job_arrearage_recovering": "D13",
        }.items()
    ],
)
def test_a_status_that_no_job_can_have_is_a_filter_that_matches_none(service: Service, status: str) -> None:
    service.create()
    assert job_list(service, status=status) == {"total_count": 0, "jobs": []}


def test_each_status_shows_only_the_jobs_that_have_it(service: Service) -> None:
    for status in Status:
        service.becomes(service.create(name=status.value), status=status)
    assert {status: service.names(status=status.value) for status in Status} == {
        status: [status.value] for status in Status
    }


@covers("A3")
@covers("C23")
def test_queue_name_matches_exactly_and_an_unknown_queue_shows_nothing(service: Service) -> None:
    service.create(name="here", queue_name="stream_a")
    service.create(name="there")
    assert service.names(queue_name="stream_a") == ["here"]
    assert service.names(queue_name="default") == ["there"]
    assert service.names(queue_name="stream") == []


@covers("A4")
@covers("C1")
def test_jobs_come_in_the_order_of_their_ids_newest_first_unless_asked_otherwise(service: Service) -> None:
    ids = [service.create(name=name) for name in "abc"]
    assert ids == sorted(set(ids))
    assert service.names() == service.names(order="desc") == ["c", "b", "a"]
    assert service.names(order="asc") == ["a", "b", "c"]


@covers("C1")
def test_the_id_of_a_deleted_job_is_not_given_again(service: Service) -> None:
    first = service.create()
    service.call("DELETE", f"/jobs/{first}")
    assert service.create() > first


@covers("A5")
@covers("A7")
@covers("B4")
def test_limit_and_offset_cut_a_page_and_leave_the_total(service: Service) -> None:
    for number in range(12):
        service.create(name=f"n{number:02}")
    assert len(service.names()) == 10
    assert job_list(service, limit=0) == {"total_count": 12, "jobs": []}
    assert service.names(limit=100) == [f"n{number:02}" for number in range(11, -1, -1)]
    assert service.names(limit=2, offset=3) == ["n08", "n07"]
    assert job_list(service, limit=1, offset=12) == {"total_count": 12, "jobs": []}
    assert job_list(service, offset=2**63 - 1) == {"total_count": 12, "jobs": []}


@covers("A6")
def test_name_matches_any_part_with_its_case(service: Service) -> None:
    for name in ("xaby", "ab", "AB", "a%b", "a_b"):
        service.create(name=name)
    assert service.names(name="ab", order="asc") == ["xaby", "ab"]
    assert service.names(name="%") == ["a%b"]
    assert service.names(name="_") == ["a_b"]
    assert service.names(name="'; DROP TABLE jobs; --") == []
    assert len(service.names(name="")) == 5
    assert service.names(name="x" * 57) == []


@covers("A9")
@covers("C4")
def test_user_name_matches_the_creator(service: Service) -> None:
    service.create(name="hers")
    with service.client(service.new_key("main", "li")) as http:
        http.post(service.path("/sql-jobs"), json={"name": "his"})
    assert service.names(user_name="li") == ["his"]
    assert service.names(user_name="maria") == ["hers"]
    assert service.names(user_name="mar") == []


@covers("A10")
def test_all_tags_must_match(service: Service) -> None:
    service.create(name="both", tags=[{"key": "team", "value": "web"}, {"key": "x", "value": "a=b"}])
    service.create(name="one", tags=[{"key": "team", "value": "web"}])
    service.create(name="none", tags=None)
    assert service.names(tags="team=web", order="asc") == ["both", "one"]
    assert service.names(tags="team=web,x=a=b") == ["both"]
    assert raw(service, "tags=team%3Dweb%2Cx%3Da%3Db").json()["job_list"]["total_count"] == 1
    assert service.names(tags="team=Web") == []
    assert service.names(tags="team=") == []


@covers("A11")
def test_the_cursor_keeps_the_ids_beyond_it_and_the_total_of_all(service: Service) -> None:
    ids = [service.create(name=name) for name in "abcde"]
    middle = ids[2]
    assert service.names(cursor=middle) == ["b", "a"]
    assert service.names(cursor=middle, order="asc") == ["d", "e"]
    assert service.names(cursor=middle, next="true") == ["b", "a"]
    assert service.names(cursor=middle, next="false") == ["e", "d"]
    assert service.names(cursor=middle, next="false", limit=1) == ["d"]
    assert service.names(cursor=middle, offset=1) == ["a"]
    assert service.names(cursor=0) == ["e", "d", "c", "b", "a"]
    assert service.names(next="false") == service.names(cursor=0, next="false") == ["e", "d", "c", "b", "a"]
    assert job_list(service, cursor=middle, limit=1)["total_count"] == 5


@covers("A12")
def test_a_job_belongs_to_no_parent_and_to_the_enterprise_project_of_its_queue(service: Service) -> None:
    queues = f"/v1.0/{service.key.project_id}/queues"
    queue = {"queue_name": "stream_b", "cu_count": 16, "enterprise_project_id": "e1"}
    service.http.post(queues, json=queue).raise_for_status()
    service.create(name="here")
    service.create(name="there", queue_name="stream_b")
    assert service.names(root_job_id=1) == []
    assert service.names(sys_enterprise_project_name="default") == ["here"]
    assert service.names(sys_enterprise_project_name="e1") == ["there"]
    assert service.names(sys_enterprise_project_name="other") == []
    service.http.delete(f"{queues}/stream_b").raise_for_status()
    assert service.names(sys_enterprise_project_name="default") == ["there", "here"]


@covers("A13")
def test_a_body_and_any_content_type_are_ignored(service: Service) -> None:
    service.create(name="job")
    for content, kind in ((b"{not json", "application/json"), (b"", "application/json"), (b"\xff", "text/plain")):
        response = service.http.request(
            "GET", service.path("/jobs"), content=content, headers={"content-type": kind}
        )
        assert response.json()["job_list"]["total_count"] == 1


@pytest.mark.parametrize(
    "query",
    [
        "&limit=1",
        "limit=1&limit=500",
        "limit=1&unknown=1&cluster_id=%FF&=",
        "limit=1&status=&name=&order=&offset=&next=",
    ],
    ids=["stray ampersand", "the first of two counts", "unknown names", "empty values"],
)
def test_quirks_of_clients_are_tolerated(service: Service, query: str) -> None:
    service.create()
    service.create()
    answer = raw(service, query).json()["job_list"]
    assert (answer["total_count"], len(answer["jobs"])) == (2, 1)


LIMIT = "limit must be an integer between 0 and 100"
OFFSET = "offset must be an integer between 0 and 9223372036854775807"
ID = "must be an integer between -9223372036854775807 and 9223372036854775807"
JOB_TYPE = "job_type must be one of flink_sql_job, flink_opensource_sql_job, flink_jar_job, flink_sql_edge_job"
REFUSED = {
    "A1": {"job_type=jar": JOB_TYPE, "job_type=%00": JOB_TYPE, "job_type=FLINK_JAR_JOB": JOB_TYPE},
    "A2": {"status=running": "status must be one of " + ", ".join(status.value for status in Status)},
    "A4": {"order=up": "order must be one of asc, desc", "order=DESC": "order must be one of asc, desc"},
    "A5": {
        f"limit={value}": LIMIT
        for value in ("101", "-1", "ten", "1.0", "+1", "null", "%D9%A1", "%00", "1_0", "%205")
    },
    "A6": {
        "name=" + 58 * "x": "name must be a text of at most 57 characters",
        "name=%00": "name must not hold the character U+0000",
        "name=%FF": "name must be UTF-8, percent-encoded",
    },
    "A7": {"offset=-1": OFFSET, "offset=9223372036854775808": OFFSET},
    "A8": dict.fromkeys(("show_detail=yes", "show_detail=1"), "show_detail must be true or false"),
    "A10": {
        **dict.fromkeys(("tags=team", "tags==b", "tags=a=b,", "tags=,"), "tags must be written k=v,k2=v2"),
        "tags=a=b,a=c": "tags must not ask for two values of 'a': a job has one at most",
        "tags=" + ",".join(f"k{n}=v" for n in range(21)): "tags must name at most 20 tags: no job has more",
    },
    "A11": {"cursor=x": f"cursor {ID}", "next=maybe": "next must be true or false"},
    "A12": {"root_job_id=x": f"root_job_id {ID}"},
}  # fmt: skip


@covers("B7")
@pytest.mark.parametrize(
    ("query", "message"),
    [
        pytest.param(query, message, marks=covers(row), id=query[:40])
        for row, refused in REFUSED.items()
        for query, message in refused.items()
    ],
)
def test_a_wrong_value_is_refused_with_what_is_allowed(service: Service, query: str, message: str) -> None:
    response = raw(service, query)
    assert response.status_code == 400
    assert response.json() == {"error_code": "DLI.0001", "error_msg": message}


def test_as_many_tags_can_be_asked_for_as_a_job_has(service: Service) -> None:
    service.create(name="all", tags=[{"key": f"k{number}", "value": "v"} for number in range(20)])
    assert service.names(tags=",".join(f"k{number}=v" for number in range(20))) == ["all"]


@covers("B4")
def test_filters_combine(service: Service) -> None:
    tags = [{"key": "team", "value": str(uuid.uuid4())}]
    service.create(name="wanted_1", queue_name="stream_a", tags=tags)
    service.create(name="wanted_2", queue_name="stream_a", tags=tags)
    service.create(name="wanted_3", queue_name="default", tags=tags)
    service.create(name="other", queue_name="stream_a", tags=tags)
    listed = job_list(
        service, queue_name="stream_a", name="wanted", tags=f"team={tags[0]['value']}", status="job_init", limit=1
    )
    assert listed["total_count"] == 2
    assert [job["name"] for job in listed["jobs"]] == ["wanted_2"]
