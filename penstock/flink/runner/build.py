"""Build the runner's jar from its source, to the same bytes everywhere, or check that the jar here is that build.

The programs of the tests are built in the same way.

    python -m penstock.flink.runner.build [--check] --flink-lib DIR [--javac javac]

DIR is the `lib` folder of any supported Flink.
"""

import argparse
import hashlib
import io
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

from penstock.flink import runner

COMPILER = "javac 17"
JAVA_RELEASE = "11"
DIGEST_ENTRY = "META-INF/source.sha256"


@dataclass(frozen=True)
class Recipe:
    """What a jar is made of."""

    sources: Path
    jar: Path
    main_class: str


RUNNER = Recipe(Path(__file__).with_name("src"), runner.JAR, runner.ENTRY_CLASS)


class BuildError(Exception):
    """The jar cannot be built, or is not what the source builds."""


def sources(recipe: Recipe) -> list[Path]:
    return sorted(recipe.sources.rglob("*.java"), key=lambda source: source.relative_to(recipe.sources).as_posix())


def source_digest(recipe: Recipe) -> str:
    """SHA-256 of all names and texts; the jar carries it, so that a stale one is noticed without a compiler."""
    digest = hashlib.sha256()
    for source in sources(recipe):
        digest.update(source.relative_to(recipe.sources).as_posix().encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def build(recipe: Recipe, javac: str, flink_lib: Path) -> bytes:
    """Compile the source and pack it; raises `BuildError`."""
    version = _run(javac, "-version")
    if version.split(".")[0] != COMPILER:
        raise BuildError(f"the jar is built with {COMPILER}; {javac} is {version}")
    with tempfile.TemporaryDirectory() as folder:
        options = ["--release", JAVA_RELEASE, "-encoding", "UTF-8", "-proc:none", "-cp", f"{flink_lib}/*"]
        _run(javac, *options, "-d", folder, *map(str, sources(recipe)))
        classes = {path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).rglob("*.class")}
    manifest = f"Manifest-Version: 1.0\r\nMain-Class: {recipe.main_class}\r\nCompiler: {COMPILER}\r\n\r\n"
    about = {"META-INF/MANIFEST.MF": manifest.encode(), DIGEST_ENTRY: source_digest(recipe).encode()}
    return _pack(about | dict(sorted(classes.items())))


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise BuildError(f"{command[0]} cannot be run: {error.strerror}") from error
    if done.returncode:
        raise BuildError(f"{command[0]} failed:\n{done.stderr}")
    return (done.stdout or done.stderr).strip()


def _pack(files: dict[str, bytes]) -> bytes:
    # Entries are stored, not compressed: zlib's output differs between its versions.
    jar = io.BytesIO()
    with zipfile.ZipFile(jar, "w", zipfile.ZIP_STORED) as archive:
        for name, content in files.items():
            entry = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, content)
    return jar.getvalue()


def main(recipe: Recipe = RUNNER) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail if the committed jar differs")
    parser.add_argument("--javac", default="javac", help=f"the compiler, {COMPILER}")
    parser.add_argument("--flink-lib", type=Path, required=True, metavar="DIR")
    options = parser.parse_args()
    try:
        jar = build(recipe, options.javac, options.flink_lib)
        if options.check and jar != recipe.jar.read_bytes():
            raise BuildError(f"{recipe.jar.name} is not what its source builds; build it again")
    except BuildError as error:
        sys.exit(str(error))
    if not options.check:
        recipe.jar.write_bytes(jar)
    print(f"{recipe.jar.name}: {len(jar)} bytes, sha256 {hashlib.sha256(jar).hexdigest()}")


if __name__ == "__main__":
    main()
