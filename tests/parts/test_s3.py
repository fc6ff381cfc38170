import obstore
import pytest
from obstore.exceptions import PermissionDeniedError
from obstore.store import S3Store

from tests.parts.s3 import S3Server

pytestmark = pytest.mark.connectors


def store(server: S3Server, bucket: str, secret: str) -> S3Store:
    return S3Store(
        bucket,
        endpoint=server.endpoint,
        region="us-east-1",
        access_key_id=server.access_key,
        secret_access_key=secret,
        client_options={"allow_http": True},
    )


def test_an_object_is_read_back_listed_and_removed(s3_server: S3Server) -> None:
    s3_server.make_bucket("read-back")
    bucket = store(s3_server, "read-back", s3_server.secret_key)
    content = bytes(range(256)) * 50_000
    obstore.put(bucket, "folder/large", content, chunk_size=5 << 20)  # several parts
    obstore.put(bucket, "folder/small", b"x")
    assert obstore.get(bucket, "folder/large").bytes() == content
    assert [found["path"] for found in obstore.list(bucket).collect()] == ["folder/large", "folder/small"]
    obstore.delete(bucket, ["folder/large", "folder/small"])
    assert obstore.list(bucket).collect() == []


def test_a_request_that_is_signed_with_another_key_is_refused(s3_server: S3Server) -> None:
    s3_server.make_bucket("guarded")
    with pytest.raises(PermissionDeniedError):
        obstore.put(store(s3_server, "guarded", "another secret"), "object", b"x")


def test_there_are_no_buckets_but_those_that_were_made(s3_server: S3Server) -> None:
    with pytest.raises(FileNotFoundError, match="NoSuchBucket"):
        obstore.put(store(s3_server, "never-made", s3_server.secret_key), "object", b"x")
