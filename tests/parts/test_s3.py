import obstore
import pytest
from obstore.exceptions import PermissionDeniedError

from tests.parts.s3 import S3Server

pytestmark = pytest.mark.connectors


def test_an_object_is_read_back_listed_and_removed(s3_server: S3Server) -> None:
    s3_server.make_bucket("read-back")
    bucket = s3_server.bucket("read-back")
    content = bytes(range(256)) * 50_000
    obstore.put(bucket, "folder/large", content, chunk_size=5 << 20)  # several parts
    obstore.put(bucket, "folder/small", b"x")
    assert obstore.get(bucket, "folder/large").bytes() == content
    assert s3_server.sizes("read-back") == {"folder/large": len(content), "folder/small": 1}
    obstore.delete(bucket, ["folder/large", "folder/small"])
    assert s3_server.sizes("read-back") == {}


def test_a_request_that_is_signed_with_another_key_is_refused(s3_server: S3Server) -> None:
    s3_server.make_bucket("guarded")
    with pytest.raises(PermissionDeniedError):
        obstore.put(s3_server.bucket("guarded", "another secret"), "object", b"x")


def test_there_are_no_buckets_but_those_that_were_made(s3_server: S3Server) -> None:
    with pytest.raises(FileNotFoundError, match="NoSuchBucket"):
        obstore.put(s3_server.bucket("never-made"), "object", b"x")
