"""Writes `pins.json` anew: `python -m tests.parts.pin`, after a change of the releases below."""

import tempfile
from pathlib import Path

import msgspec
from jgo.maven import Dependency, MavenContext

from penstock.flink.maven import Artifact
from tests.parts.artifacts import PINS

RELEASES = {
    "kafka": ("org.apache.kafka:kafka_2.13:4.4.0", "org.slf4j:slf4j-simple:1.7.36"),
    "s3proxy": ("org.gaul:s3proxy:4.1.0",),
}
LEFT_OUT = (  # what S3Proxy needs only to stand before other clouds, or to be measured
    *("com.azure", "com.microsoft", "com.github.openstack4j", "com.github.fge", "com.squareup", "org.apache.sshd"),
    *("com.google.api", "com.google.apis", "com.google.auth", "com.google.cloud", "com.google.http-client"),
    *("com.google.oauth-client", "com.google.protobuf", "com.google.android", "io.grpc", "io.opencensus"),
    *("io.opentelemetry", "io.prometheus", "io.perfmark", "io.projectreactor", "net.java.dev.jna", "org.threeten"),
)


def resolved(context: MavenContext, releases: tuple[str, ...]) -> list[Artifact]:
    """Find releases and all that they need to run."""
    asked, needed = context.resolver.resolve([context.create_dependency(each) for each in releases])
    return [_artifact(each) for each in (*asked, *needed) if not _is_left_out(each.groupId)]


def _is_left_out(group: str) -> bool:
    return any(f"{group}.".startswith(f"{each}.") for each in LEFT_OUT)


def _artifact(dependency: Dependency) -> Artifact:
    coordinates = f"{dependency.groupId}:{dependency.artifactId}:{dependency.version}"
    return Artifact.of(coordinates, dependency.artifact.resolve())


def main() -> None:
    with tempfile.TemporaryDirectory() as repository:
        context = MavenContext(repo_cache=Path(repository), timeout=60)
        found = {part: resolved(context, releases) for part, releases in RELEASES.items()}
    lines = [f' "{part}": [\n  {_lines(artifacts)}\n ]' for part, artifacts in found.items()]
    PINS.write_text("{\n" + ",\n".join(lines) + "\n}\n")


def _lines(artifacts: list[Artifact]) -> str:
    return ",\n  ".join(msgspec.json.encode(each).decode() for each in artifacts)


if __name__ == "__main__":
    main()
