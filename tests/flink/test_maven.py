"""Artifacts from a Maven repository, which is a folder behind a real HTTP server."""

import base64
import hashlib
import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from penstock.flink import maven
from penstock.flink.distribution import InstallFailed
from penstock.flink.maven import Artifact

JAR = bytes(range(256)) * 400
ARTIFACT = Artifact("org.example:tiny:1.0", hashlib.sha256(JAR).hexdigest(), len(JAR))
PLACE = "org/example/tiny/1.0/tiny-1.0.jar"


@dataclass
class Repository:
    """A Maven repository on a loopback port."""

    folder: Path
    url: str = ""
    asked: list[str] = field(default_factory=list)
    password: str | None = None
    breaks_off: bool = False

    def put(self, content: bytes) -> None:
        file = self.folder / PLACE
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)

    def lets_in(self, authorization: str | None) -> bool:
        expected = base64.b64encode(f"jo:{self.password}".encode()).decode()
        return self.password is None or authorization == f"Basic {expected}"


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, repository: Repository, *args: object) -> None:
        self.repository = repository
        super().__init__(*args, directory=str(repository.folder))  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.repository.asked.append(self.path)
        if not self.repository.lets_in(self.headers["Authorization"]):
            self.send_error(401)
        elif self.repository.breaks_off:
            self.send_response(200)
            self.send_header("Content-Length", str(len(JAR)))
            self.end_headers()
            self.wfile.write(JAR[:1000])
        else:
            super().do_GET()

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(repository: Repository) -> Iterator[Repository]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, repository))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    repository.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield repository
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of a user who has no Maven settings yet."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("M2_REPO", raising=False)
    (tmp_path / ".m2").mkdir()
    return tmp_path


@pytest.fixture
def repository(home: Path) -> Iterator[Repository]:
    """What the user's settings name as a mirror of everything."""
    with served(Repository(home / "repository")) as repository:
        repository.put(JAR)
        settings(home, mirror(repository.url))
        yield repository


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "jars"
    folder.mkdir()
    return folder


def mirror(url: str, of: str = "*", more: str = "") -> str:
    return f"<mirrors><mirror><id>house</id><mirrorOf>{of}</mirrorOf><url>{url}</url>{more}</mirror></mirrors>"


def settings(home: Path, *parts: str) -> None:
    namespace = 'xmlns="http://maven.apache.org/SETTINGS/1.2.0"'
    (home / ".m2" / "settings.xml").write_text(f"<settings {namespace}>{''.join(parts)}</settings>")


def silent(name: str, done: int, size: int) -> None:
    """Take no notice."""


def failure(folder: Path) -> str:
    with pytest.raises(InstallFailed) as failed:
        maven.fetch(ARTIFACT, folder, silent)
    assert list(folder.iterdir()) == []
    return str(failed.value)


def test_an_artifact_comes_from_the_mirror_with_its_progress_told(repository: Repository, folder: Path) -> None:
    told: list[tuple[str, int, int]] = []
    jar = maven.fetch(ARTIFACT, folder, lambda *each: told.append(each))
    assert jar == folder / "tiny-1.0.jar"
    assert jar.read_bytes() == JAR
    assert list(folder.iterdir()) == [jar]
    assert told[-1] == ("tiny-1.0.jar", len(JAR), len(JAR))
    assert repository.asked[0] == f"/{PLACE}"


def test_a_mirror_gets_the_credentials_that_the_settings_have_for_it(
    repository: Repository, home: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repository.password = "s3/cr@t"
    monkeypatch.setenv("HOUSE_PASSWORD", repository.password)
    server = "<server><id>house</id><username>jo</username><password>${env.HOUSE_PASSWORD}</password></server>"
    settings(home, mirror(repository.url), f"<servers>{server}</servers>")
    assert maven.fetch(ARTIFACT, folder, silent).read_bytes() == JAR


def test_credentials_are_in_no_error(repository: Repository, home: Path, folder: Path) -> None:
    repository.password = "another"
    server = "<server><id>house</id><username>jo</username><password>s3cret</password></server>"
    settings(home, mirror(repository.url), f"<servers>{server}</servers>")
    reason = failure(folder)
    assert reason.startswith(
        f"org.example:tiny:1.0 was not fetched from {repository.url}: it does not have that, or"
    )
    assert "s3cret" not in reason + repr(maven.user_source())


@pytest.mark.parametrize("where", ["settings", "environment", "default"])
def test_what_lies_in_the_local_repository_is_not_fetched(
    repository: Repository, home: Path, folder: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    local = home / (".m2/repository" if where == "default" else "elsewhere")
    jar = local / PLACE
    jar.parent.mkdir(parents=True)
    jar.write_bytes(JAR)
    if where == "settings":
        named = "<localRepository>${user.home}/elsewhere</localRepository>"
        settings(home, mirror(repository.url), named)
    elif where == "environment":
        monkeypatch.setenv("M2_REPO", str(local))
    assert maven.fetch(ARTIFACT, folder, silent).read_bytes() == JAR
    assert repository.asked == []


def test_other_bytes_in_the_local_repository_are_passed_over(
    repository: Repository, home: Path, folder: Path
) -> None:
    jar = home / ".m2" / "repository" / PLACE
    jar.parent.mkdir(parents=True)
    jar.write_bytes(JAR[::-1])
    assert maven.fetch(ARTIFACT, folder, silent).read_bytes() == JAR
    assert jar.read_bytes() == JAR[::-1]


def test_other_bytes_than_pinned_are_refused(repository: Repository, folder: Path) -> None:
    repository.put(JAR[::-1])
    assert failure(folder) == (
        "tiny-1.0.jar is not the release that Penstock was tested with; nothing was installed"
    )


def test_a_download_that_breaks_off_leaves_nothing(repository: Repository, folder: Path) -> None:
    repository.breaks_off = True
    assert "it cannot be reached, or the download broke off; name a mirror" in failure(folder)


def test_a_repository_that_lacks_the_artifact_is_named(repository: Repository, folder: Path) -> None:
    (repository.folder / PLACE).unlink()
    assert f"was not fetched from {repository.url}: it does not have that" in failure(folder)


def test_where_nothing_can_be_reached_the_ways_out_are_said(home: Path, folder: Path) -> None:
    with served(Repository(home)) as gone:
        settings(home, mirror(gone.url))
    reason = failure(folder)
    assert "it cannot be reached" in reason
    assert "~/.m2/settings.xml" in reason
    assert "penstock connectors add --from FOLDER" in reason


@pytest.mark.parametrize(
    ("mirror_of", "is_asked"),
    [
        ("*", True),
        ("central", True),
        ("external:*", True),
        ("house, central", True),
        ("*,!central", False),
        ("house", False),
        ("external:http:*", False),
    ],
)
def test_a_mirror_counts_if_it_stands_for_maven_central(home: Path, mirror_of: str, is_asked: bool) -> None:
    settings(home, mirror("http://house.example/maven/", mirror_of))
    source = maven.user_source()
    assert source.mirror == ("http://house.example/maven" if is_asked else None)
    assert (source.remotes is None) is not is_asked


def test_without_maven_settings_it_is_maven_central(home: Path) -> None:
    assert maven.user_source() == maven.Source(home / ".m2" / "repository")


def test_credentials_in_the_address_of_a_mirror_are_kept_out_of_what_is_shown(home: Path) -> None:
    settings(home, mirror("https://jo:s3cret@house.example/maven"))
    source = maven.user_source()
    assert source.remotes == {"central": "https://jo:s3cret@house.example/maven"}
    assert str(source) == "https://house.example/maven"


@pytest.mark.parametrize("more", ["<blocked>true</blocked>", ""])
def test_a_mirror_that_cannot_be_asked_is_named(home: Path, folder: Path, more: str) -> None:
    settings(home, mirror("https://house.example" if more else "scp://house.example", more=more))
    assert "the mirror 'house' in .m2/settings.xml cannot be asked" in failure(folder)


def test_settings_that_cannot_be_read_are_named(home: Path, folder: Path) -> None:
    (home / ".m2" / "settings.xml").write_text("<settings>")
    assert failure(folder).startswith(f"cannot read {home}/.m2/settings.xml: ")


# --- what can be pinned ---


METADATA = """\
<metadata><groupId>org.example</groupId><artifactId>tiny</artifactId><versioning><versions>
<version>0.9</version><version>1.0</version><version>1.1-SNAPSHOT</version>
</versions></versioning></metadata>
"""


def test_the_releases_of_a_module_are_those_that_the_mirror_names(repository: Repository) -> None:
    (repository.folder / "org/example/tiny/maven-metadata.xml").write_text(METADATA)
    assert maven.releases("org.example:tiny") == ["0.9", "1.0"]
    with pytest.raises(InstallFailed, match=f"{repository.url} names no release of org.example:none"):
        maven.releases("org.example:none")


def test_what_the_mirror_has_is_pinned_with_its_hash_and_size(repository: Repository) -> None:
    assert maven.pin(ARTIFACT.coordinates, silent) == ARTIFACT
    with pytest.raises(InstallFailed, match=r"org\.example:tiny:2\.0 was not fetched"):
        maven.pin("org.example:tiny:2.0", silent)
