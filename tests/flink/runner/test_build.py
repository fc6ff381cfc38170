import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from penstock.flink import runner
from penstock.flink.distribution import FlinkHome
from penstock.flink.runner import build
from penstock.flink.runner.build import Recipe
from tests.flink import programs

RECIPES = {"runner": build.RUNNER, "programs of the tests": programs.RECIPE}
each_jar = pytest.mark.parametrize("recipe", RECIPES.values(), ids=RECIPES)


def entries(recipe: Recipe) -> dict[str, bytes]:
    with zipfile.ZipFile(recipe.jar) as jar:
        return {entry.filename: jar.read(entry) for entry in jar.infolist()}


@pytest.fixture
def javac() -> str:
    path = shutil.which("javac")
    version = path and subprocess.run([path, "-version"], capture_output=True, text=True, check=True).stdout
    if not path or not version or version.split(".")[0] != build.COMPILER:
        pytest.skip(f"the build of the runner is compared only where {build.COMPILER} is on the path")
    return path


@each_jar
def test_the_jar_was_built_from_the_source_beside_it(recipe: Recipe) -> None:
    assert entries(recipe)[build.DIGEST_ENTRY].decode() == build.source_digest(recipe)


@each_jar
def test_the_jar_holds_the_entry_class_and_nothing_that_has_no_source(recipe: Recipe) -> None:
    classes = {re.sub(r"(\$.*)?\.class$", "", name) for name in entries(recipe) if name.endswith(".class")}

    assert recipe.main_class.replace(".", "/") in classes
    assert classes == {str(each.relative_to(recipe.sources).with_suffix("")) for each in build.sources(recipe)}


def test_the_runner_has_both_its_entry_classes() -> None:
    for name in (runner.ENTRY_CLASS, runner.JAR_ENTRY_CLASS):
        assert f"{name.replace('.', '/')}.class" in entries(build.RUNNER)


@pytest.mark.flink
@each_jar
def test_the_source_builds_to_the_very_bytes_of_the_jar(recipe: Recipe, javac: str, engine_home: FlinkHome) -> None:
    assert build.build(recipe, javac, engine_home.lib) == recipe.jar.read_bytes()


def test_another_compiler_than_the_named_one_is_refused(tmp_path: Path) -> None:
    newer = tmp_path / "javac"
    newer.write_text("#!/bin/sh\necho javac 21.0.1\n")
    newer.chmod(0o755)

    with pytest.raises(build.BuildError, match=r"built with javac 17; .* is javac 21\.0\.1"):
        build.build(build.RUNNER, str(newer), tmp_path)


def test_a_compiler_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(build.BuildError, match="no-such-compiler cannot be run"):
        build.build(build.RUNNER, "no-such-compiler", tmp_path)
