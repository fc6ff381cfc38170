"""Export and import of jobs through the API: what comes back, what is refused, and what is told of each job."""

import json
import random
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from penstock.dli import archives as wire
from penstock.domain import job as jobs
from penstock.domain.history import Actor, Who
from penstock.domain.job import Goal, Job, Run, Savepoint, SavepointOrigin, Status
from penstock.store import jobs as stored
from penstock.store.access import Key
from tests.dli.test_archives import jar_bodies, of_jars, of_sql, sql_bodies
from tests.flink import test_jars
from tests.jars import jar_of, put
from tests.serving import Service

MANIFEST = {"manifest.json": wire.manifest(1, 1)}
TAGS = [{"key": "team", "value": "web"}]


def buckets(service: Service) -> Path:
    return service.context.contents.folder.parent / "buckets"


def export(service: Service, obs_dir: str = "state/out", *job_ids: int) -> httpx.Response:
    chosen = {"is_selected": bool(job_ids), "job_selected": list(job_ids)}
    return service.call("POST", "/jobs/export", {"obs_dir": obs_dir, **chosen})


def exported(service: Service, *job_ids: int) -> Path:
    """Export jobs, and give the file in the bucket."""
    response = export(service, "state/out", *job_ids)
    assert response.status_code == 200, response.text
    [address] = response.json()["zip_file"]
    return buckets(service) / address


def bring(service: Service, place: str, key: Key | None = None, **body: object) -> httpx.Response:
    """Import what lies there."""
    key = key or service.key
    with service.client(key) as http:
        return http.post(service.path("/jobs/import", key.project_id), json={"zip_file": place, **body})


def mapping(response: httpx.Response) -> list[tuple[int, int, str]]:
    answer = response.json()
    assert (response.status_code, answer.get("is_success")) == (200, "true"), response.text
    return [tuple(each.values()) for each in answer["job_mapping"]]  # type: ignore[misc]


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    answer = response.json()
    return response.status_code, answer["error_code"], answer["error_msg"]


def archive(service: Service, name: str, files: Mapping[str, Any]) -> str:
    """Put an archive of these jobs into the bucket `state`, and give its address."""
    written = {name: text if isinstance(text, bytes) else json.dumps(text) for name, text in files.items()}
    return put(buckets(service), f"obs://state/in/{name}", jar_of(MANIFEST | written))


def settings_of(service: Service, project_id: str) -> dict[str, dict[str, object]]:
    with service.database.read() as tx:
        found = list(stored.of_project(tx, project_id))
    return {job.name: {"type": job.type, **jobs.settings(job)} for job in found}


def in_known_buckets(draft: Job) -> Job:
    used = draft.config
    return replace(
        draft,
        config=replace(
            used, bucket=used.bucket and "state", checkpoint_path=used.checkpoint_path and "obs://state/checkpoints"
        ),
    )


def create_all(service: Service, project_id: str, drafts: Iterable[Job]) -> None:
    with service.database.write() as tx:
        for draft in drafts:
            owned = replace(draft, project_id=project_id, queue=draft.queue or "default")
            stored.create(tx, owned, Actor(Who.CALLER, "maria"))


def test_an_archive_holds_one_file_for_each_job_and_a_manifest(service: Service) -> None:
    first, second = service.create(sql_body="SELECT 1"), service.create()
    answer = export(service, "obs://state/out/").json()
    [address] = answer["zip_file"]
    assert re.fullmatch(r"state/out/aggregate_[0-9]{13}\.zip", address)
    assert answer == {"is_success": "true", "message": "2 jobs exported.", "zip_file": [address]}
    with zipfile.ZipFile(buckets(service) / address) as written:
        assert written.namelist() == [f"{first}.json", f"{second}.json", "manifest.json"]
        assert json.loads(written.read(f"{first}.json"))["sql_body"] == "SELECT 1"
        assert json.loads(written.read("manifest.json")).items() >= {"version": 1, "jobs": 2}.items()


def test_only_the_selected_jobs_are_exported(service: Service) -> None:
    ids = [service.create() for _ in range(3)]
    with zipfile.ZipFile(exported(service, ids[2], ids[0], ids[2])) as written:
        assert written.namelist() == [f"{ids[2]}.json", f"{ids[0]}.json", "manifest.json"]


def test_an_archive_names_no_user_project_or_key(service: Service) -> None:
    file = exported(service, service.create(tags=TAGS))
    with zipfile.ZipFile(file) as written:
        content = b"".join(written.read(name) for name in written.namelist()).decode()
    key = service.key
    assert not [
        each for each in (key.access_key, key.secret, key.project_id, key.user_id, "maria") if each in content
    ]


def test_an_unknown_job_is_told_and_nothing_is_written(service: Service) -> None:
    job_id = service.create()
    other = service.new_key("other", "ann")
    with service.client(other) as http:
        body = {"name": "theirs"}
        foreign = http.post(service.path("/sql-jobs", other.project_id), json=body).json()["job"]["job_id"]
    for unknown in (99, foreign, -1, 2**70):
        assert refusal(export(service, "state/out", job_id, unknown))[:2] == (400, "DLI.16001")
    assert not (buckets(service) / "state" / "out").exists()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({"obs_dir": "state", "is_selected": True}, "job_selected must name at least one job"),
        ({"obs_dir": "state"}, "is_selected must be true or false"),
        ({"is_selected": False}, "obs_dir must be a text"),
        ({"obs_dir": "state/../other", "is_selected": False}, "obs_dir: 'state/../other' is not an address"),
        ({"obs_dir": "/etc", "is_selected": False}, "obs_dir: '' is not a bucket name"),
    ],
)
def test_what_names_no_jobs_or_no_folder_is_refused(service: Service, body: object, told: str) -> None:
    status, code, text = refusal(service.call("POST", "/jobs/export", body))
    assert (status, code) == (400, "DLI.0001")
    assert text.startswith(told)


def test_a_bucket_that_cannot_be_written_is_told_without_its_place(service: Service) -> None:
    put(buckets(service), "obs://state", b"no folder")
    status, code, text = refusal(export(service))
    assert (status, code) == (400, "DLI.0012")
    assert text.startswith("cannot use obs://state/out/aggregate_")
    assert str(buckets(service)) not in text


def test_a_job_that_cannot_be_read_is_not_exported_as_another(service: Service) -> None:
    first, second = service.create(), service.create()
    with service.database.write() as tx:
        tx.exec_driver_sql(f"UPDATE jobs SET config = '{{' WHERE id = {first}")
    status, code, text = refusal(export(service))
    assert (status, code) == (400, "DLI.0007")
    assert text.startswith(f"job {first} is left as it is: this version of Penstock cannot read")
    assert exported(service, second).exists()


@pytest.mark.parametrize("place", ["theirs", "none"])
def test_a_bucket_of_another_project_is_told_as_one_that_is_not_there(service: Service, place: str) -> None:
    put(buckets(service), "obs://theirs/a.zip", jar_of(MANIFEST | {"1.json": '{"name": "theirs"}'}))
    refused = [export(service, place), bring(service, f"{place}/a.zip"), bring(service, place)]
    assert {refusal(each) for each in refused} == {
        (400, "DLI.0002", f"there is no bucket '{place}': the storage map does not name it")
    }


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        sql_bodies.map(of_sql) | jar_bodies.map(of_jars), min_size=1, max_size=8, unique_by=lambda job: job.name
    ).map(lambda drafts: [in_known_buckets(draft) for draft in drafts])
)
def test_what_is_imported_into_an_empty_project_equals_what_was_exported(
    service: Service, drafts: list[Job]
) -> None:
    source, target = (service.new_key(service.context.new_id(), "ann") for _ in "ab")
    create_all(service, source.project_id, drafts)
    with service.client(source) as http:
        body = {"obs_dir": "state/out", "is_selected": False}
        answer = http.post(service.path("/jobs/export", source.project_id), json=body).json()
    outcomes = mapping(bring(service, answer["zip_file"][0], target))
    assert {remark for _, _, remark in outcomes} == {"Job created."}
    assert len(settings_of(service, source.project_id)) == len(drafts)
    assert settings_of(service, target.project_id) == settings_of(service, source.project_id)


def test_an_imported_job_is_new_and_the_callers(service: Service) -> None:
    job_id = service.create(name="clicks", tags=TAGS)
    service.becomes(job_id, status=Status.FINISHED, savepoint=Savepoint("obs://state/s/", SavepointOrigin.REQUEST))
    file = exported(service)
    other = service.new_key("other", "ann")
    [(old_id, new_id, remark)] = mapping(bring(service, f"state/out/{file.name}", other))
    assert (old_id, remark) == (job_id, "Job created.")
    with service.database.read() as tx:
        new = stored.get(tx, other.project_id, new_id)
    assert (new.status, new.savepoint, new.user_name, new.tags) == (Status.INIT, None, "ann", {"team": "web"})
    assert new_id != job_id


def test_a_job_whose_name_is_taken_is_left_alone(service: Service) -> None:
    job_id = service.create(name="clicks", sql_body="SELECT 1")
    file = exported(service)
    service.call("PUT", f"/sql-jobs/{job_id}", {"sql_body": "SELECT 2"})
    assert mapping(bring(service, f"state/out/{file.name}")) == [
        (job_id, -1, "a job named 'clicks' exists already")
    ]
    assert service.show(job_id)["sql_body"] == "SELECT 2"


def test_a_job_at_rest_is_covered_and_keeps_its_id_and_its_state(service: Service) -> None:
    job_id = service.create(name="clicks", sql_body="SELECT 1", tags=TAGS, cu_number=4, smn_topic="oncall")
    place = f"state/out/{exported(service).name}"
    savepoint = Savepoint("obs://state/s/", SavepointOrigin.REQUEST)
    service.call("PUT", f"/sql-jobs/{job_id}", {"sql_body": "SELECT 2", "smn_topic": "", "flink_version": "1.20"})
    service.becomes(
        job_id, status=Status.EXCEPTION, reason="it failed", started_at=5, ended_at=6, restart_count=2,
        savepoint=savepoint, tags={},
    )  # fmt: skip
    with service.database.write() as tx:
        stored.put_tags(tx, job_id, {"stage": "dev"})
    assert mapping(bring(service, place, is_cover=True)) == [(job_id, job_id, "Job replaced.")]
    now = service.stored(job_id)
    assert (now.sql, now.config.cus, now.config.alarm_topic, now.config.flink_version) == (
        "SELECT 1",
        4,
        "oncall",
        None,
    )
    assert (now.status, now.reason, now.started_at, now.ended_at, now.restart_count) == (
        Status.INIT,
        "",
        None,
        None,
        0,
    )
    assert (now.tags, now.savepoint) == ({"team": "web"}, savepoint)


def test_a_sql_job_is_covered_by_a_jar_job(service: Service) -> None:
    job_id = service.create(name="rules", sql_body="SELECT 1")
    place = archive(
        service, "a.zip", {"1.json": {"job_type": "flink_jar_job", "name": "rules", "entrypoint": "f/r.jar"}}
    )
    assert mapping(bring(service, place, is_cover=True)) == [(1, job_id, "Job replaced.")]
    shown = service.show(job_id)
    assert (shown["job_type"], shown["sql_body"], shown["job_config"]["entrypoint"]) == (
        "flink_jar_job",
        "",
        "f/r.jar",
    )


def test_an_active_job_is_not_covered(service: Service) -> None:
    job_id = service.create(name="clicks", sql_body="SELECT 1")
    place = archive(service, "a.zip", {"1.json": {"name": "clicks", "sql_body": "SELECT 2"}})
    service.becomes(job_id, status=Status.RUNNING, goal=Goal.RUN, run=Run("0" * 32, submit_at=0))
    [(old_id, new_id, remark)] = mapping(bring(service, place, is_cover=True))
    assert (old_id, new_id) == (1, -1)
    assert remark.startswith(f"job {job_id} is job_running; it can be replaced only while it is")
    assert (service.show(job_id)["sql_body"], service.stored(job_id).status) == ("SELECT 1", Status.RUNNING)


@pytest.mark.parametrize("is_cover", [False, True])
def test_of_jobs_of_one_name_in_a_folder_the_first_wins(service: Service, is_cover: bool) -> None:
    for name, sql in (("b.zip", "SELECT 2"), ("a.zip", "SELECT 1")):
        archive(service, name, {"1.json": {"name": "clicks", "sql_body": sql}})
    put(buckets(service), "obs://state/in/.hidden", b"x")
    [first, second] = mapping(bring(service, "state/in/", is_cover=is_cover))
    assert (first[0], first[2]) == (1, "Job created.")
    assert second == (1, -1, "a job named 'clicks' exists already")
    assert service.show(first[1])["sql_body"] == "SELECT 1"


def test_each_job_is_imported_for_itself(service: Service) -> None:
    damaged = jar_of(MANIFEST | {"3.json": "b" * 100}, zipfile.ZIP_STORED).replace(b"bbb", b"ccc", 1)
    good = {"4.json": {"name": "good", "template_id": 7, "job_id": 7, "user_id": "x", "queue_name": ""}}
    archive(
        service,
        "a.zip",
        {
            "1.json": {"name": "no queue", "queue_name": "gone"},
            "2.json": {"name": "bad", "cu_number": 1},
            "5.json": {"name": "edge", "job_type": "flink_sql_edge_job"},
            "6.json": b"x" * (service.context.body_limit + 1),
            **good,
        },
    )
    put(buckets(service), "obs://state/in/b.zip", damaged)
    outcomes = mapping(bring(service, "obs://state/in"))
    assert [(old, remark) for old, new, remark in outcomes if new == -1] == [
        (1, "queue 'gone' does not exist"),
        (2, "cu_number must be an integer between 2 and 400"),
        (5, "job_type flink_sql_edge_job is not supported: there are no edge nodes"),
        (6, f"6.json is larger than {service.context.body_limit} bytes"),
        (3, "3.json is damaged: Bad CRC-32 for file '3.json'"),
    ]
    assert service.names() == ["good"]


def test_an_unexpected_error_of_one_job_is_that_jobs(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    refusing = (
        "CREATE TRIGGER refusing BEFORE INSERT ON jobs WHEN NEW.name = 'bad' BEGIN SELECT RAISE(ABORT, 'why'); END"
    )
    with service.database.write() as tx:
        tx.exec_driver_sql(refusing)
    place = archive(service, "a.zip", {"1.json": {"name": "bad"}, "2.json": {"name": "good"}})
    told = mapping(bring(service, place))
    assert [(old, remark) for old, _, remark in told] == [
        (1, "The service met an unexpected error."),
        (2, "Job created."),
    ]
    assert service.names() == ["good"]
    assert "for 1.json failed at the database: why" in caplog.text


TOO_LARGE_HERE = {"more entries than are told of", "a huge directory"}
UNUSABLE = {
    **{name: hostile for name, hostile in test_jars.HOSTILE.items() if name not in TOO_LARGE_HERE},
    "one without a manifest": (lambda: jar_of({"1.json": "{}"}), "it holds no manifest.json"),
    "one of a later version": (
        lambda: jar_of({"manifest.json": '{"version": 2, "exported_at": 1, "jobs": 1}'}),
        "it has version 2 of the format",
    ),
    "one with other files": (lambda: jar_of(MANIFEST | {"a/1.json": "{}"}), "it holds 'a/1.json'"),
    "one with the id 0": (lambda: jar_of(MANIFEST | {"0.json": "{}"}), "it holds '0.json'"),
    "one with an id that no job has": (lambda: jar_of(MANIFEST | {"9" * 20 + ".json": "{}"}), "it holds '9999"),
    "one of too many jobs": (
        lambda: jar_of(MANIFEST | {f"{number}.json": "{}" for number in range(1, 10_002)}),
        "it holds more than 10000 jobs",
    ),
}


@pytest.mark.parametrize(("make", "told"), UNUSABLE.values(), ids=UNUSABLE)
def test_what_is_no_archive_is_refused_before_anything_is_imported(service: Service, make: Any, told: str) -> None:
    archive(service, "a.zip", {"1.json": {"name": "good"}})
    put(buckets(service), "obs://state/in/b.zip", make())
    status, code, text = refusal(bring(service, "state/in"))
    assert (status, code) == (400, "DLI.0001")
    assert told.replace("is not a jar", "is not a zip") in text
    assert text.startswith("obs://state/in/b.zip")
    assert service.names() == []
    assert not list((service.context.contents.folder / "arriving").iterdir())


@pytest.mark.parametrize(
    ("place", "code", "told"),
    [
        ("state/in/none.zip", "DLI.0002", "there is no obs://state/in/none.zip"),
        ("state/empty", "DLI.0002", "there is no zip at state/empty"),
        ("state/mixed", "DLI.0001", "state/mixed must be a zip, or a folder of zips only, and holds 'b.txt'"),
        ("No/../x.zip", "DLI.0001", "zip_file: "),
        ("state/link.zip", "DLI.0001", "leads out of its bucket"),
    ],
)
def test_a_place_without_archives_is_told(service: Service, place: str, code: str, told: str) -> None:
    for name in ("a.zip", "b.txt"):
        put(buckets(service), f"obs://state/mixed/{name}", b"")
    (buckets(service) / "state" / "link.zip").symlink_to("/etc/passwd")
    status, seen, text = refusal(bring(service, place))
    assert (status, seen) == (400, code)
    assert told in text


def test_archives_of_a_folder_are_not_larger_together_than_one_may_be(service: Service) -> None:
    for name in "ab":
        archive(service, f"{name}.zip", {"1.json": json.dumps({"name": name, "desc": "x"}).encode()})
        file = buckets(service) / "state" / "in" / f"{name}.zip"
        with zipfile.ZipFile(file, "a", zipfile.ZIP_STORED) as more:
            more.writestr("2.json", b"x" * (service.context.contents.limit * 2 // 3))
    assert "is larger than" in refusal(bring(service, "state/in"))[2]
    assert service.names() == []


def test_jobs_that_do_not_fit_into_one_archive_are_not_exported(service: Service) -> None:
    dense = random.Random(5).randbytes(500_000).hex()
    for number in range(3):
        service.create(name=f"{number}", sql_body=dense)
    status, code, text = refusal(export(service))
    assert (status, code) == (400, "DLI.0001")
    assert text.endswith("export the jobs in parts, by job_selected")
    assert exported(service, 1).stat().st_size < service.context.contents.limit
