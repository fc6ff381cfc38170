"""A real S3-compatible server that is not ours: S3Proxy, on a folder."""

from pathlib import Path

import obstore
from obstore.store import S3Store

from tests.parts import java
from tests.parts.leash import Leashed, free_port

_SETTINGS = """\
s3proxy.endpoint={endpoint}
s3proxy.authorization=aws-v2-or-v4
s3proxy.identity={access_key}
s3proxy.credential={secret_key}
jclouds.provider=filesystem-nio2
jclouds.identity=unused
jclouds.credential=unused
jclouds.filesystem.basedir={data}
"""
_LOGGING = """\
<configuration>
  <appender name="out" class="ch.qos.logback.core.ConsoleAppender">
    <encoder><pattern>%d %-5level %logger - %msg%n</pattern></encoder>
  </appender>
  <root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""


class S3Server:
    """A server in a folder of its own, which refuses requests that are not signed with its key.

    `data` holds a folder for each bucket: to look at, and to set times.
    """

    access_key = "ACCESSKEYOFTHETESTS"
    secret_key = "secret/key+of/the/tests"  # real ones have such signs too, which some places must escape

    def __init__(self, folder: Path) -> None:
        port, self.data = free_port(), folder / "buckets"
        self.endpoint = f"http://127.0.0.1:{port}"
        self.data.mkdir()
        settings, logging = folder / "s3proxy.conf", folder / "logback.xml"
        keys = {"access_key": self.access_key, "secret_key": self.secret_key}
        settings.write_text(_SETTINGS.format(endpoint=self.endpoint, data=self.data, **keys))
        logging.write_text(_LOGGING)
        program = java.command(
            "s3proxy", "org.gaul.s3proxy.Main", f"-Dlogback.configurationFile={logging}", heap_mb=128
        )
        self._program = Leashed([*program, "--properties", str(settings)], folder / "s3proxy.log")
        self._program.wait_for_port(port)

    def make_bucket(self, name: str) -> None:
        """Make a bucket; its name is of 3 to 63 small letters, digits and hyphens."""
        (self.data / name).mkdir()

    def bucket(self, name: str, secret_key: str = secret_key) -> S3Store:
        """Give a bucket as its clients reach it."""
        return S3Store(
            name,
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=self.access_key,
            secret_access_key=secret_key,
            client_options={"allow_http": True},
        )

    def sizes(self, bucket: str) -> dict[str, int]:
        """List the objects of a bucket by their keys."""
        return {found["path"]: found["size"] for found in obstore.list(self.bucket(bucket)).collect()}

    def stop(self) -> None:
        self._program.stop()
