"""Buckets, in a folder and on a server: what lies where, and what is removed."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from penstock.domain.errors import Invalid, NotFound
from penstock.flink.buckets import BucketFailure, Buckets, UnknownBucket
from penstock.flink.storage_map import InFolder, OnServer, StorageMap
from tests.parts.s3 import S3Server

RUN = "0123456789abcdef" * 2


def write_state(folder: Path, at_s: int = 1_000) -> None:
    folder.mkdir(parents=True)
    (folder / "_metadata").touch()
    os.utime(folder / "_metadata", (at_s, at_s))


def on_server(server: S3Server, bucket: str, prefix: str = "", secret: str = "") -> OnServer:
    return OnServer(server.endpoint, bucket, server.access_key, secret or server.secret_key, prefix=prefix)


@pytest.fixture(params=["folder", pytest.param("server", marks=pytest.mark.connectors)])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """The folder in which the bucket `state` keeps its objects: it itself, or its server."""
    if request.param == "folder":
        yield tmp_path / "mapped"
        return
    server = request.getfixturevalue("s3_server")
    name = f"state-{tmp_path.name.rpartition('test_')[2].replace('_', '-')}"[:60].strip("-").lower()
    server.make_bucket(name)
    yield server.data / name / "pre fix" / "2"


@pytest.fixture
def buckets(home: Path, tmp_path: Path, request: pytest.FixtureRequest) -> Buckets:
    if home == tmp_path / "mapped":
        home.mkdir()
        return Buckets(tmp_path / "all", StorageMap({"state": InFolder(home)}))
    server = request.getfixturevalue("s3_server")
    place = on_server(server, home.parents[1].name, prefix="pre fix/2")
    return Buckets(tmp_path / "all", StorageMap({"state": place}))


def test_an_address_comes_back_from_the_uri_that_flink_is_given(buckets: Buckets) -> None:
    for address in ("obs://state/für Ann/#1%20/", "obs://state/a/"):
        assert buckets.address(buckets.uri(address)) == address


def test_texts_of_flink_name_addresses_instead_of_places(buckets: Buckets) -> None:
    said = f"cannot read {buckets.uri('state/a')}/_metadata or {buckets.uri('state/b')}."
    assert buckets.scrub(said) == "cannot read obs://state/a/_metadata or obs://state/b."


def test_state_is_complete_with_its_metadata(buckets: Buckets, home: Path) -> None:
    (home / "half").mkdir(parents=True)
    (home / "half" / "data").touch()
    write_state(home / "whole")
    assert buckets.state_at("obs://state/half/") is None
    assert buckets.state_at("obs://state/whole/") == "obs://state/whole/"


def test_the_newest_savepoint_of_a_folder_is_found(buckets: Buckets, home: Path) -> None:
    write_state(home / "sp" / "savepoint-aaaaaa-1", at_s=2_000)
    write_state(home / "sp" / "savepoint-aaaaaa-2", at_s=1_000)
    write_state(home / "savepoint-bbbbbb-1")
    assert buckets.state_at("obs://state/sp/") == "obs://state/sp/savepoint-aaaaaa-1/"
    assert buckets.state_at("obs://state/") == "obs://state/savepoint-bbbbbb-1/"


def test_a_savepoint_of_an_earlier_request_or_another_run_is_not_taken_for_it(buckets: Buckets, home: Path) -> None:
    write_state(home / "sp" / "savepoint-aaaaaa-1", at_s=1_000)
    write_state(home / "sp" / "savepoint-bbbbbb-1", at_s=3_000)
    assert buckets.savepoint_of("obs://state/sp/", "aaaaaa0123", since=2_000_000) is None
    assert (
        buckets.savepoint_of("obs://state/sp/", "aaaaaa0123", since=1_000_000)
        == "obs://state/sp/savepoint-aaaaaa-1/"
    )


def test_of_a_checkpoint_the_newest_complete_one_of_its_run_is_found(buckets: Buckets, home: Path) -> None:
    write_state(home / "jobs" / RUN / "chk-9", at_s=3_000)
    write_state(home / "jobs" / RUN / "chk-10", at_s=2_000)
    write_state(home / "jobs" / RUN / "savepoint-1", at_s=4_000)
    (home / "jobs" / RUN / "chk-11").mkdir()
    write_state(home / "jobs" / RUN[::-1] / "chk-12", at_s=5_000)
    for known in (8, 9, 10):  # of which Flink has dropped the first
        assert buckets.state_at(f"obs://state/jobs/{RUN}/chk-{known}/") == f"obs://state/jobs/{RUN}/chk-10/"
    assert buckets.newest_checkpoint(f"obs://state/jobs/{RUN}/") == f"obs://state/jobs/{RUN}/chk-10/"


def test_no_older_checkpoint_is_taken_for_one_that_is_gone(buckets: Buckets, home: Path) -> None:
    write_state(home / RUN / "chk-9")
    assert buckets.state_at(f"obs://state/{RUN}/chk-10/") is None
    assert buckets.state_at(f"obs://state/{RUN[::-1]}/chk-1/") is None


def test_a_checkpoint_that_was_copied_elsewhere_is_taken_as_it_is(buckets: Buckets, home: Path) -> None:
    write_state(home / "copies" / "chk-1", at_s=1_000)
    write_state(home / "copies" / "chk-2", at_s=2_000)
    assert buckets.state_at("obs://state/copies/chk-1/") == "obs://state/copies/chk-1/"


def test_state_is_gone_when_its_files_are(buckets: Buckets, home: Path) -> None:
    write_state(home / "a")
    assert not buckets.is_gone("obs://state/a/")
    assert buckets.is_gone("obs://state/b/")
    assert buckets.is_gone(f"obs://state/{RUN}/chk-1/")


def test_a_folder_of_checkpoints_is_removed(buckets: Buckets, home: Path) -> None:
    for number in (1, 2):
        write_state(home / "jobs" / RUN / f"chk-{number}")
    (home / "jobs" / RUN / "shared").mkdir()
    (home / "jobs" / RUN / "shared" / "file").touch()
    (home / "jobs" / RUN / "taskowned").mkdir()
    write_state(home / "jobs" / "another")
    buckets.remove_checkpoints(f"obs://state/jobs/{RUN}/")
    assert list((home / "jobs").iterdir()) == [home / "jobs" / "another"]
    buckets.remove_checkpoints(f"obs://state/jobs/{RUN}/")


def test_what_flink_has_not_made_in_a_folder_of_checkpoints_stays(buckets: Buckets, home: Path) -> None:
    write_state(home / RUN / "chk-1")
    write_state(home / RUN / "savepoint-1")
    write_state(home / "jobs" / "chk-1")
    for folder in (RUN, "jobs", ""):
        buckets.remove_checkpoints(f"obs://state/{folder}/")
    assert [each.name for each in (home / RUN).iterdir()] == ["savepoint-1"]
    assert (home / "jobs" / "chk-1" / "_metadata").exists()


def test_a_file_is_written_and_read_back(buckets: Buckets, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    for content in (bytes(range(256)) * 50_000, b"", b"x"):
        source.write_bytes(content)
        buckets.upload(source, "obs://state/jars/für Ann.jar")
        buckets.download("s3://state/jars/für Ann.jar", target, limit=len(content))
        assert target.read_bytes() == content


def test_the_files_right_below_a_folder_are_named(buckets: Buckets, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    for name in ("b.zip", "a.zip", ".hidden", "deeper/c.zip"):
        buckets.upload(tmp_path / "file", f"obs://state/in/{name}")
    assert buckets.files("obs://state/in/") == ["a.zip", "b.zip"]
    assert buckets.files("obs://state/none") == []


def test_a_file_that_is_too_large_is_not_read(buckets: Buckets, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"12345")
    buckets.upload(tmp_path / "source", "obs://state/a")
    with pytest.raises(Invalid, match=r"^obs://state/a is larger than 4 bytes$"):
        buckets.download("obs://state/a", tmp_path / "target", limit=4)
    assert not (tmp_path / "target").exists()


def test_a_file_that_is_not_there_is_not_found(buckets: Buckets, home: Path, tmp_path: Path) -> None:
    write_state(home / "folder")
    for key in ("none", "folder"):
        with pytest.raises(NotFound, match=f"^there is no obs://state/{key}$"):
            buckets.download(f"obs://state/{key}", tmp_path / "target", limit=9)


def test_a_bucket_that_the_map_does_not_name_cannot_be_used(buckets: Buckets) -> None:
    assert (buckets.knows("state"), buckets.knows("other")) == (True, False)
    with pytest.raises(UnknownBucket, match=r"^there is no bucket 'other': the storage map does not name it$"):
        buckets.uri("obs://other/a/")


def test_jobs_that_name_no_bucket_have_theirs(buckets: Buckets, tmp_path: Path) -> None:
    assert buckets.uri("obs://penstock/a/") == f"file://{tmp_path}/all/penstock/a"


def test_what_lies_where_no_bucket_can_be_has_no_address(tmp_path: Path) -> None:
    assert Buckets(tmp_path).address(f"file:{tmp_path}/Team_State/chk-1") is None


def test_a_bucket_itself_is_named_as_one(tmp_path: Path) -> None:
    buckets = Buckets(tmp_path / "all", StorageMap({"state": InFolder(tmp_path / "mapped")}))
    told = buckets.scrub(f"Mkdirs failed to create file:{tmp_path}/mapped, {tmp_path}/mapped-2")
    assert told == "Mkdirs failed to create obs://state/, mapped-2"


def test_a_mapped_folder_that_is_not_mounted_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    buckets = Buckets(tmp_path / "all", StorageMap({"state": InFolder(tmp_path / "mapped")}))
    asks = (
        lambda: buckets.state_at("obs://state/a/"),
        lambda: buckets.newest_checkpoint("obs://state/a/"),
        lambda: buckets.savepoint_of("obs://state/a/", RUN, 0),
    )
    for ask in (*asks, lambda: buckets.files("obs://state/a/")):
        with pytest.raises(BucketFailure, match="cannot use obs://state/a/"):
            ask()
    (tmp_path / "mapped").mkdir()
    assert [ask() for ask in asks] == [None] * 3
    assert buckets.files("obs://state/a/") == []
