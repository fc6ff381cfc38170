"""Buckets on a real S3-compatible server that is away, refuses, or keeps folders as Flink makes them."""

import re
import select
import socket
import threading
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from penstock.flink import server_bucket
from penstock.flink.buckets import BucketFailure, Buckets
from penstock.flink.server_bucket import ServerBucket
from penstock.flink.storage_map import OnServer, StorageMap
from tests.flink.test_buckets import RUN, on_server, write_state
from tests.parts.s3 import S3Server

pytestmark = pytest.mark.connectors


def buckets_of(tmp_path: Path, place: OnServer) -> Buckets:
    return Buckets(tmp_path / "all", StorageMap({"state": place}))


@pytest.fixture
def place(s3_server: S3Server) -> OnServer:
    if not (s3_server.data / "server-bucket").exists():
        s3_server.make_bucket("server-bucket")
    return on_server(s3_server, "server-bucket")


def closed_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"secret_key": "another"}, "the storage server says (SignatureDoesNotMatch|403 Forbidden)"),
        ({"access_key": "ANOTHER"}, "the storage server says (InvalidAccessKeyId|403 Forbidden)"),
        ({"bucket": "never-made"}, "the storage server says NoSuchBucket"),
        ({"endpoint": closed_address()}, "the storage server cannot be reached: Connection refused"),
    ],
)
def test_a_server_that_refuses_or_is_away_is_no_empty_one(
    place: OnServer, tmp_path: Path, changes: dict[str, str], reason: str
) -> None:
    buckets = buckets_of(tmp_path, replace(place, **changes))
    (tmp_path / "file").touch()
    told = re.compile(rf"^cannot use obs://state/a/?: {reason}$")
    for use in (buckets.uri, buckets.is_gone, buckets.state_at, buckets.newest_checkpoint):
        with pytest.raises(BucketFailure, match=told):
            use("obs://state/a/")
    with pytest.raises(BucketFailure, match=told):
        buckets.savepoint_of("obs://state/a/", RUN, since=0)
    with pytest.raises(BucketFailure, match=told):
        buckets.upload(tmp_path / "file", "obs://state/a")


def test_a_server_that_could_not_be_reached_is_left_alone_for_a_while(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        endpoint = f"http://127.0.0.1:{listener.getsockname()[1]}"
        buckets = buckets_of(tmp_path, OnServer(endpoint, "state", "AK", "SK"))
        dropping = threading.Thread(target=drop_calls, args=(listener, 2))
        dropping.start()
        for _ in range(3):
            with pytest.raises(BucketFailure, match="the storage server cannot be reached"):
                buckets.state_at("obs://state/a/")
        dropping.join()
        with pytest.raises(BlockingIOError):
            listener.accept()


def drop_calls(listener: socket.socket, number: int) -> None:
    """Take so many connections, the first attempt and its repetition, and end them without an answer."""
    for _ in range(number):
        select.select([listener], [], [], 30)
        listener.accept()[0].close()


def test_what_the_environment_says_of_s3_does_not_count(
    place: OnServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ENDPOINT", "ENDPOINT_URL", "ENDPOINT_URL_S3", "SESSION_TOKEN", "SECRET_ACCESS_KEY"):
        monkeypatch.setenv(f"AWS_{name}", closed_address())
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    assert buckets_of(tmp_path, place).state_at("obs://state/none/") is None


def test_a_folder_that_flink_has_made_and_left_empty_is_removed(place: OnServer, s3_server: S3Server) -> None:
    folders = [f"für Flink/{RUN}/shared", f"für Flink/{RUN}/taskowned", f"für Flink/{RUN}"]
    for folder in folders:  # an empty object whose key ends with a slash, as Hadoop's client makes it
        server_bucket.obstore.put(server_bucket._open(place, f"{place.bucket}/{quote(folder)}", ""), "", b"")
    bucket = ServerBucket(place)
    bucket.remove(f"für Flink/{RUN}", re.compile("chk-.*|shared|taskowned"))
    assert bucket.folders("für Flink") == []


def test_a_default_server_has_every_bucket_under_its_name(s3_server: S3Server, tmp_path: Path) -> None:
    s3_server.make_bucket("default-one")
    write_state(s3_server.data / "default-one" / "pre" / "a")
    buckets = Buckets(tmp_path, StorageMap(default=on_server(s3_server, "", prefix="pre")))
    assert buckets.state_at("obs://default-one/a/") == "obs://default-one/a/"
    uri = buckets.uri("obs://default-one/a/")
    assert uri == "s3://default-one/pre/a"
    assert buckets.address(uri) == "obs://default-one/a/"


def test_a_default_bucket_has_a_folder_for_each(place: OnServer, s3_server: S3Server, tmp_path: Path) -> None:
    write_state(s3_server.data / "server-bucket" / "all" / "one" / "a")
    buckets = Buckets(tmp_path, StorageMap(default=replace(place, prefix="all")))
    assert buckets.state_at("obs://one/a/") == "obs://one/a/"
    uri = buckets.uri("obs://one/a/")
    assert uri == "s3://server-bucket/all/one/a"
    assert buckets.address(uri) == "obs://one/a/"
