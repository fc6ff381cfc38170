"""The environment that functions in Python run in."""

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from penstock.flink import python_home
from penstock.flink.distribution import InstallFailed


@pytest.fixture
def wheels(tmp_path: Path) -> Path:
    """A folder with the wheel of one small package."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    about = "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n"
    with zipfile.ZipFile(folder / "greeting-1.0-py3-none-any.whl", "w") as wheel:
        wheel.writestr("greeting.py", "TEXT = 'hello'\n")
        wheel.writestr("greeting-1.0.dist-info/METADATA", about)
        wheel.writestr("greeting-1.0.dist-info/WHEEL", "Wheel-Version: 1.0\nTag: py3-none-any\n")
        wheel.writestr("greeting-1.0.dist-info/RECORD", "")
    return folder


@pytest.fixture
def requirements(wheels: Path, tmp_path: Path) -> Path:
    (wheel,) = wheels.iterdir()
    file = tmp_path / "python-udf-2.3.txt"
    file.write_text(f"greeting==1.0 --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "part-1").mkdir()
    return tmp_path / "part-1"


needs_pyflink = pytest.mark.skipif(
    sys.version_info[:2] not in python_home.RELEASES, reason="PyFlink is not made for this Python"
)


@needs_pyflink
def test_it_holds_the_packages_and_nothing_of_ours_and_can_be_moved(
    requirements: Path, wheels: Path, folder: Path, tmp_path: Path
) -> None:
    python_home.install(requirements, folder, wheels=wheels)
    moved = folder.rename(tmp_path / "python-udf")
    assert python_home.is_current(requirements, moved)
    assert {each.name for each in moved.iterdir()} == {"python", "requirements.txt"}
    assert said_by(moved, "import greeting; print(greeting.TEXT)") == "hello"
    assert "No module named 'penstock'" in said_by(moved, "import penstock")


@needs_pyflink
def test_it_is_renewed_for_other_packages_and_when_its_interpreter_is_gone(
    requirements: Path, wheels: Path, folder: Path
) -> None:
    assert not python_home.is_current(requirements, folder)
    python_home.install(requirements, folder, wheels=wheels)
    other = requirements.with_name("other.txt")
    other.write_text("greeting==2.0 --hash=sha256:00\n")
    assert not python_home.is_current(other, folder)
    python_home.program(folder).unlink()
    assert not python_home.is_current(requirements, folder)


@needs_pyflink
def test_a_folder_without_all_wheels_is_named(requirements: Path, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        InstallFailed, match=r"python-udf-2\.3 was not installed: .*/empty does not hold all of its"
    ):
        python_home.install(requirements, folder, wheels=tmp_path / "empty")


@needs_pyflink
def test_other_bytes_are_refused(requirements: Path, wheels: Path, folder: Path) -> None:
    requirements.write_text(f"greeting==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(InstallFailed, match="is not the release that Penstock was tested with"):
        python_home.install(requirements, folder, wheels=wheels)


@needs_pyflink
def test_an_index_that_cannot_be_reached_is_said(
    requirements: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(
        InstallFailed, match="the package index cannot be reached, or has nothing for this platform"
    ):
        python_home.install(requirements, folder)


def test_a_python_that_pyflink_is_not_made_for_is_refused() -> None:
    python_home.check_release((3, 12))
    with pytest.raises(InstallFailed, match=r"Python 3\.11 or 3\.12, for .*; this one runs with 3\.13"):
        python_home.check_release((3, 13))


def said_by(folder: Path, code: str) -> str:
    """Run code, from elsewhere and with an environment like an engine's."""
    command = [python_home.program(folder), "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd="/", env={})
    return (done.stdout or done.stderr).strip()
