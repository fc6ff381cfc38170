"""Installing an engine: once, whole, and with a clear word when it cannot be done."""

import hashlib
import http.server
import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import platformdirs
import pytest

from penstock.flink import distribution
from penstock.flink.distribution import FlinkHome, InstallFailed

_WHEEL = "tiny_engine-1.0-py3-none-any.whl"


_SDIST = "tiny_source-1.0.tar.gz"
_BACKEND = "tiny_tools-1.0-py3-none-any.whl"


@dataclass
class Index:
    """A package index of a few small packages, on a loopback port."""

    folder: Path
    fetched: list[str] = field(default_factory=list)

    def requirements(self, name: str = "tiny-1", digest: str | None = None) -> Path:
        digest = digest or self.digest(_WHEEL)
        file = self.folder / f"{name}.txt"
        file.write_text(f"--only-binary :all:\ntiny-engine==1.0 --hash=sha256:{digest}\n")
        return file

    def digest(self, file: str) -> str:
        return hashlib.sha256((self.folder / file).read_bytes()).hexdigest()


def put_wheel(folder: Path, package: str, file: str, content: bytes) -> None:
    name = package.replace("-", "_")
    with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr(file, content)
        info = f"{name}-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")


def put_sdist(folder: Path) -> None:
    """Put a source package that is built by the backend of tiny-tools, and names another of what that needs."""
    pyproject = '[build-system]\nrequires = ["tiny-tools", "unpinned"]\nbuild-backend = "tiny_tools"\n'
    with tarfile.open(folder / _SDIST, "w:gz") as sdist:
        for name, text in (("pyproject.toml", pyproject), ("PKG-INFO", "Name: tiny-source\nVersion: 1.0\n")):
            about = tarfile.TarInfo(f"tiny_source-1.0/{name}")
            about.size = len(text)
            sdist.addfile(about, io.BytesIO(text.encode()))
    put_wheel(folder, "tiny-tools", "tiny_tools.py", _TOOLS.encode())


_TOOLS = """\
import zipfile
def build_wheel(folder, *_):
    name = "tiny_source-1.0-py3-none-any.whl"
    with zipfile.ZipFile(f"{folder}/{name}", "w") as wheel:
        wheel.writestr("tiny_source.txt", "built")
        info = "tiny_source-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\\nName: tiny-source\\nVersion: 1.0\\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
        wheel.writestr(f"{info}/RECORD", "")
    return name
"""


class _Handler(http.server.SimpleHTTPRequestHandler):
    def __init__(self, index: Index, *args: object) -> None:
        self.index = index
        super().__init__(*args, directory=str(index.folder))  # type: ignore[arg-type]

    def log_message(self, *args: object) -> None:
        if self.path.endswith(".whl"):
            self.index.fetched.append(self.path)


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Index]:
    folder = tmp_path / "index"
    folder.mkdir()
    put_wheel(folder, "tiny-engine", "tiny_engine/lib/big.jar", bytes(900_000))
    index = Index(folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, index))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", f"http://127.0.0.1:{server.server_address[1]}/")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    yield index
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def silent(label: str, done: int, total: int) -> None:
    """Take no notice."""


def test_a_package_is_installed_with_its_progress_told(index: Index, cache: Path) -> None:
    told: list[tuple[str, int, int]] = []
    folder = distribution.install_package(index.requirements(), cache, lambda *news: told.append(news))
    assert (folder / "tiny_engine" / "lib" / "big.jar").stat().st_size == 900_000
    assert told
    label, done, total = told[-1]
    assert (label, done) == (_WHEEL, total)
    assert total == (index.folder / _WHEEL).stat().st_size


def test_a_source_package_is_built_with_the_pinned_tools_beside_it_and_no_others(index: Index, cache: Path) -> None:
    put_sdist(index.folder)
    tools = index.folder / "source-1.build.txt"
    tools.write_text(f"tiny-tools==1.0 --hash=sha256:{index.digest(_BACKEND)}\n")
    requirements = index.folder / "source-1.txt"
    requirements.write_text(f"tiny-source==1.0 --hash=sha256:{index.digest(_SDIST)}\n")
    folder = distribution.install_package(requirements, cache, silent)
    assert (folder / "tiny_source.txt").read_text() == "built"
    assert not (folder / "tiny_tools.py").exists()
    tools.write_text(f"tiny-tools==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(InstallFailed, match="not the release that Penstock was tested with"):
        distribution.install_package(requirements, cache / "other", silent)


def test_two_installers_at_once_fetch_a_package_once(index: Index, cache: Path) -> None:
    requirements = index.requirements()
    with ThreadPoolExecutor(2) as pool:
        folders = [pool.submit(distribution.install_package, requirements, cache, silent) for _ in range(2)]
        assert folders[0].result() == folders[1].result()
    assert index.fetched == [f"/{_WHEEL}"]


def test_what_a_killed_installer_has_left_is_swept_away(index: Index, cache: Path) -> None:
    left = cache / "engines" / "part-left"
    left.mkdir(parents=True)
    distribution.install_package(index.requirements(), cache, silent)
    assert not left.exists()


def test_a_package_of_another_content_is_not_installed(index: Index, cache: Path) -> None:
    with pytest.raises(InstallFailed, match="not the release that Penstock was tested with"):
        distribution.install_package(index.requirements(digest="0" * 64), cache, silent)
    assert [file.name for file in (cache / "engines").iterdir()] == ["install.lock"]


def test_without_an_index_the_reason_is_told_and_nothing_is_left(
    index: Index, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    requirements = index.requirements()
    monkeypatch.setenv("PIP_FIND_LINKS", "http://127.0.0.1:9/")
    monkeypatch.setenv("PIP_RETRIES", "0")
    with pytest.raises(InstallFailed, match="the package index cannot be reached"):
        distribution.install_package(requirements, cache, silent)
    assert [file.name for file in (cache / "engines").iterdir()] == ["install.lock"]


def test_a_cache_that_cannot_be_written_is_told(index: Index, cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    with pytest.raises(InstallFailed, match=f"cannot install into {re.escape(str(cache))}"):
        distribution.install_package(index.requirements(), cache, silent)


def test_what_is_not_in_the_cache_is_not_installed(cache: Path) -> None:
    assert distribution.installed("2.3.0", cache) is None


@pytest.mark.flink
def test_the_installed_engine_is_found_again(engine_home: FlinkHome) -> None:
    assert distribution.installed("2.3.0", platformdirs.user_cache_path("penstock")) == engine_home
    assert engine_home.java.is_file()
    assert (engine_home.lib / "flink-dist-2.3.0.jar").is_file()


@pytest.mark.flink
def test_each_line_has_a_folder_of_its_own(engine_home: FlinkHome, older_home: FlinkHome) -> None:
    assert (engine_home.line, older_home.line) == ("2.3", "1.20")
    assert (older_home.lib / "flink-dist-1.20.5.jar").is_file()
    assert older_home.java == engine_home.java


def test_what_is_removed_is_gone_whole_and_nothing_else_is(cache: Path) -> None:
    for name in ("flink-2.3.0/pyflink/lib", "flink-1.20.5/pyflink/lib", "java-17"):
        (cache / "engines" / name).mkdir(parents=True)
    assert distribution.remove("1.20.5", cache)
    assert {each.name for each in (cache / "engines").iterdir()} == {"flink-2.3.0", "java-17", "install.lock"}
    assert not distribution.remove("1.20.5", cache)


def java_of(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    (folder / "release").write_text(f'JAVA_VERSION="{version}"\n')
    java = folder / "bin" / "java"
    java.touch()
    return java


def flink_of(folder: Path, version: str) -> Path:
    (folder / "lib").mkdir(parents=True)
    (folder / "lib" / f"flink-dist-{version}.jar").touch()
    return folder


def test_a_flink_home_of_the_users_is_taken(tmp_path: Path) -> None:
    home, java = flink_of(tmp_path / "flink", "2.3.1"), java_of(tmp_path / "java", "21.0.2")
    assert distribution.existing(home, java, tmp_path) == FlinkHome("2.3.1", home / "lib", None, java, tmp_path)


@pytest.mark.parametrize(
    ("flink", "java", "reason"),
    [
        ("1.19.2", "17.0.9", "supported are 2.3, 1.20"),
        ("2.3.0", "11.0.2", "needs Java 17 to 23"),
        ("2.3.0", "24", "needs Java"),
    ],
)
def test_a_flink_or_java_that_is_not_supported_is_refused(
    tmp_path: Path, flink: str, java: str, reason: str
) -> None:
    with pytest.raises(InstallFailed, match=reason):
        distribution.existing(flink_of(tmp_path / "flink", flink), java_of(tmp_path / "java", java), tmp_path)


def test_a_folder_without_flink_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InstallFailed, match="is not a Flink home"):
        distribution.existing(tmp_path, java_of(tmp_path / "java", "17"), tmp_path)
