"""Packages through the API: what is stored, shown, refused and deleted."""

import hashlib
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from penstock.client import Client
from penstock.store import database, packages
from tests import jars
from tests.jars import jar_of
from tests.serving import Service

JAR = jar_of({"a.txt": "a"})


@pytest.fixture
def client(service: Service) -> Iterator[Client]:
    key = service.key
    with Client(service.url, key.access_key, key.secret, key.project_id) as opened:
        yield opened


def object_in(service: Service, address: str, content: bytes = JAR) -> str:
    return jars.put(folder(service) / "buckets", address, content)


def folder(service: Service) -> Path:
    return service.context.contents.folder.parent


def call(service: Service, method: str, tail: str = "", body: object = None, **query: object) -> httpx.Response:
    path = f"/v2.0/{service.key.project_id}/resources{tail}"
    return service.http.request(method, path, json=body, params=query or None)


def refusal(response: httpx.Response) -> tuple[int, str, str]:
    answer = response.json()
    assert set(answer) - {"request_id"} == {"error_code", "error_msg"}
    return response.status_code, answer["error_code"], answer["error_msg"]


def stored_files(service: Service) -> set[str]:
    return {file.name for file in service.context.contents.folder.rglob("*") if file.is_file()}


def test_jars_are_fetched_from_buckets_into_a_group(service: Service) -> None:
    paths = [object_in(service, f"obs://state/lib/{name}.jar") for name in ("a", "b")]
    answer = call(service, "POST", "/jars", {"paths": paths, "group": "fraud"})
    assert answer.status_code == 201
    made = answer.json()
    assert (made["group_name"], made["status"], made["owner"], made["is_async"]) == (
        "fraud",
        "READY",
        "maria",
        False,
    )
    assert made["resources"] == made["resource_names"] == ["a.jar", "b.jar"]
    first = made["details"][0]
    assert (first["resource_name"], first["resource_type"], first["underlying_name"]) == ("a.jar", "jar", paths[0])
    assert (first["size"], first["sha256"]) == (len(JAR), hashlib.sha256(JAR).hexdigest())
    assert stored_files(service) == {first["sha256"]}


@pytest.mark.parametrize(
    ("tail", "body", "kind"),
    [
        ("", {"kind": "pyFile"}, "pyFile"),
        ("", {"kind": "modelFile"}, "modelFile"),
        ("", {}, "file"),
        ("/files", {"kind": "jar"}, "file"),
        ("/pyfiles", {}, "pyFile"),
    ],
)
def test_the_path_or_the_body_says_what_a_package_is(
    service: Service, tail: str, body: dict[str, Any], kind: str
) -> None:
    path = object_in(service, "obs://state/model.csv", b"1,2")
    call(service, "POST", tail, {"paths": [path], "is_async": True, **body})
    assert call(service, "GET", "/model.csv").json()["resource_type"] == kind


def test_a_list_shows_packages_and_their_groups_and_keeps_what_is_asked_for(service: Service) -> None:
    tags = [{"key": "team", "value": "web"}]
    call(service, "POST", "/jars", {"paths": [object_in(service, "obs://state/a.jar")], "group": "g", "tags": tags})
    call(service, "POST", "/files", {"paths": [object_in(service, "obs://state/m.csv", b"x")]})
    listed = call(service, "GET").json()
    assert [each["resource_name"] for each in listed["resources"]] == ["m.csv", "a.jar"]
    assert [(group["group_name"], group["resources"]) for group in listed["groups"]] == [("g", ["a.jar"])]
    assert (listed["total"], listed["modules"]) == (2, [])
    for query in ({"kind": "jar"}, {"tags": "team=web"}):
        assert [each["resource_name"] for each in call(service, "GET", **query).json()["resources"]] == ["a.jar"]
    assert call(service, "GET", kind="modelFile").json()["total"] == 0


def test_packages_of_another_project_are_not_there(service: Service, client: Client, tmp_path: Path) -> None:
    (tmp_path / "a.jar").write_bytes(JAR)
    client.put_package(tmp_path / "a.jar", "a.jar")
    other = service.new_key("other", "ann")
    with service.client(other) as http:
        assert http.get(f"/v2.0/{other.project_id}/resources").json()["total"] == 0
        assert http.get(f"/v2.0/{other.project_id}/resources/a.jar").status_code == 404
        assert http.get(f"/v2.0/{service.key.project_id}/resources").status_code == 403


def test_bytes_are_uploaded_and_those_of_the_same_name_replaced(
    service: Service, client: Client, tmp_path: Path
) -> None:
    file = tmp_path / "x"
    contents = [jar_of({"a.txt": text}) for text in ("a", "b")]
    for content in contents:
        file.write_bytes(content)
        answer = client.put_package(file, "rules-1.0+2.jar", "fraud")
        assert answer["sha256"] == hashlib.sha256(content).hexdigest()
    [shown] = client.list_packages()
    assert (shown["group_name"], shown["resource_name"], shown["size"]) == (
        "fraud",
        "rules-1.0+2.jar",
        len(content),
    )
    assert stored_files(service) == {shown["sha256"]}
    assert service.context.contents.path(shown["sha256"]).read_bytes() == contents[-1]


def test_one_content_is_stored_once_and_stays_until_its_last_package_goes(
    service: Service, client: Client, tmp_path: Path
) -> None:
    (tmp_path / "x").write_bytes(JAR)
    for name in ("a.jar", "b.jar"):
        client.put_package(tmp_path / "x", name)
    assert len(stored_files(service)) == 1
    client.delete_package("a.jar")
    assert len(stored_files(service)) == 1
    client.delete_package("b.jar")
    assert stored_files(service) == set()
    assert refusal(call(service, "DELETE", "/b.jar")) == (404, "DLI.0002", "package b.jar does not exist")


@pytest.mark.parametrize(
    "names",
    [
        {"entrypoint": "fraud/rules.jar"},
        {"dependency_jars": ["x.jar", "fraud/rules.jar"]},
        {"dependency_files": ["fraud/rules.jar"]},
    ],
)
def test_a_package_that_a_job_names_is_not_deleted(
    service: Service, client: Client, tmp_path: Path, names: dict[str, object]
) -> None:
    (tmp_path / "x").write_bytes(JAR)
    for group in ("fraud", ""):
        client.put_package(tmp_path / "x", "rules.jar", group)
    job_id = client.create_jar_job(name="one", **names)
    assert refusal(call(service, "DELETE", "/rules.jar", group="fraud")) == (
        400,
        "DLI.0007",
        f"package fraud/rules.jar is in use by job {job_id}; change or delete these first",
    )
    client.delete_package("rules.jar")
    client.delete_job(job_id)
    client.delete_package("rules.jar", "fraud")


def test_the_jar_of_a_script_s_functions_is_in_use_too(service: Service, client: Client, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(JAR)
    client.put_package(tmp_path / "x", "udf.jar")
    service.create(udf_jar_url="udf.jar")
    assert refusal(call(service, "DELETE", "/udf.jar"))[:2] == (400, "DLI.0007")


def test_packages_are_given_to_another_member(service: Service, client: Client, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(JAR)
    for name in ("a.jar", "b.jar"):
        client.put_package(tmp_path / "x", name, "g")
    service.new_key("main", "ann")
    answer = call(service, "PUT", "/owner", {"new_owner": "ann", "group_name": "g", "resource_name": "a.jar"})
    assert (answer.status_code, answer.json()["is_success"]) == (200, True)
    assert [each["owner"] for each in client.list_packages()] == ["ann", "maria"]
    call(service, "PUT", "/owner", {"new_owner": "ann", "group_name": "g"})
    assert [each["owner"] for each in client.list_packages()] == ["ann", "ann"]
    stranger = call(service, "PUT", "/owner", {"new_owner": "bob", "group_name": "g"})
    assert refusal(stranger) == (400, "DLI.0002", "user 'bob' is not a member of the project")
    for nothing in ({"group_name": "h"}, {"resource_name": "a.jar"}, {}):
        assert refusal(call(service, "PUT", "/owner", {"new_owner": "ann", **nothing}))[:2] == (404, "DLI.0002")


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        (["obs://state/none.jar"], "there is no obs://state/none.jar"),
        (["https://host/a.jar"], "paths: 'https://host/a.jar' is neither a package"),
        (["a.jar"], "paths: 'a.jar' is not the address of an object"),
        (["obs://state/../a.jar"], "paths: 'obs://state/../a.jar' is not an address"),
        (["obs://state/big.jar"], "obs://state/big.jar is larger than 1048576 bytes"),
        (["obs://state/a.txt"], "a.txt is not a jar: File is not a zip file"),
        (["obs://state/ok.jar", "obs://state/a.txt"], "a.txt is not a jar: File is not a zip file"),
        (["obs://state/ok.jar", "obs://state/b/ok.jar"], "paths: two of them have the same file name"),
        (["obs://state/.hidden"], "paths: '.hidden' is not the name of a package or group"),
        ([], "paths must be a list of 1 to 100"),
    ],
)
def test_what_cannot_be_fetched_is_refused_and_leaves_nothing(
    service: Service, paths: list[str], told: str
) -> None:
    object_in(service, "obs://state/big.jar", bytes(2 << 20))
    object_in(service, "obs://state/a.txt", b"text")
    for place in ("ok.jar", "b/ok.jar"):
        object_in(service, f"obs://state/{place}")
    status, _, message = refusal(call(service, "POST", "/jars", {"paths": paths}))
    assert (status, message[: len(told)]) == (400, told)
    assert stored_files(service) == set()
    assert call(service, "GET").json()["total"] == 0


class TestBytes:
    """The upload of bytes, whose caller is known before any of them is taken."""

    def put(self, service: Service, name: str, content: bytes = JAR, **headers: str) -> httpx.Response:
        given = {"X-Sdk-Content-Sha256": hashlib.sha256(content).hexdigest(), **headers}
        path = f"/penstock/v1/{service.key.project_id}/packages/{name}"
        return service.http.put(path, content=content, headers={k: v for k, v in given.items() if v})

    def test_a_signed_body_of_any_client_is_taken(self, service: Service) -> None:
        assert self.put(service, "a.jar").json()["package"]["size"] == len(JAR)

    def test_an_upload_without_the_hash_of_its_body_is_refused(self, service: Service) -> None:
        answer = self.put(service, "a.jar", **{"X-Sdk-Content-Sha256": ""})
        assert refusal(answer)[:2] == (400, "DLI.0001")

    def test_nobody_without_a_key_uploads_anything(self, service: Service) -> None:
        path = f"/penstock/v1/{service.key.project_id}/packages/a.jar"
        hash_ = {"X-Sdk-Content-Sha256": hashlib.sha256(JAR).hexdigest()}
        assert service.anonymous.put(path, content=JAR, headers=hash_).status_code == 401

    def test_a_body_that_is_not_the_declared_one_is_refused(self, service: Service, client: Client) -> None:
        declared = hashlib.sha256(b"other").hexdigest()
        path = f"/penstock/v1/{service.key.project_id}/packages/a.jar"
        answer = service.http.put(
            path, content=JAR, headers={"X-Sdk-Content-Sha256": declared}, auth=client._for_streams
        )
        assert refusal(answer) == (400, "DLI.0001", "X-Sdk-Content-Sha256 is not the hash of the body")
        assert stored_files(service) == set()

    def test_a_body_larger_than_the_limit_is_refused(self, service: Service) -> None:
        answer = self.put(service, "m.csv", bytes((1 << 20) + 1))
        assert refusal(answer) == (400, "DLI.0001", "a package must be at most 1048576 bytes")
        assert stored_files(service) == set()

    def test_more_is_taken_than_other_calls_take(self, service: Service) -> None:
        assert self.put(service, "m.csv", bytes(1 << 20)).status_code == 200

    @pytest.mark.parametrize(
        "name", ["..%2Fx.jar", ".x.jar", "%00", "a%20b.jar", "g/..", "x" * 129, "%F0%9F%92%A9"]
    )
    def test_a_name_that_could_lead_elsewhere_is_refused(self, service: Service, name: str) -> None:
        assert self.put(service, name).status_code in (400, 404)
        assert stored_files(service) == set()

    def test_an_upload_that_stops_half_way_leaves_nothing(self, service: Service, client: Client) -> None:
        def half() -> Any:
            yield JAR[:10]
            raise ConnectionError

        path = f"/penstock/v1/{service.key.project_id}/packages/a.jar"
        hash_ = {"X-Sdk-Content-Sha256": hashlib.sha256(JAR).hexdigest()}
        with pytest.raises(ConnectionError):
            service.http.put(path, content=half(), headers=hash_, auth=client._for_streams)
        assert client.list_packages() == []


def test_what_a_dead_process_has_left_is_swept(service: Service, client: Client, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(JAR)
    client.put_package(tmp_path / "x", "a.jar")
    contents = service.context.contents
    contents.path("0" * 64).write_bytes(b"of a transaction that was never completed")
    with contents.room() as arriving, service.database.write() as tx:
        database.alone(tx)
        contents.sweep(packages.contents(tx))
        assert stored_files(service) == {hashlib.sha256(JAR).hexdigest(), arriving.name}


def test_no_other_writer_waits_for_the_bytes_of_a_package(
    service: Service, client: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[bool, bool]] = []
    fsync = os.fsync

    def noted(number: int) -> None:
        free = threading.Event()
        writer = threading.Thread(target=lambda: write_nothing(service, free))
        writer.start()
        synced.append((stat.S_ISREG(os.fstat(number).st_mode), free.wait(0.5)))
        fsync(number)

    monkeypatch.setattr(os, "fsync", noted)
    (tmp_path / "x").write_bytes(JAR)
    client.put_package(tmp_path / "x", "a.jar")
    assert synced == [(True, True), (False, False)]


def write_nothing(service: Service, free: threading.Event) -> None:
    with service.database.write():
        free.set()
