"""What Flink is given to run for a job: the runner alone, or a jar made around the job's own jars and files.

In such a jar the user's jars lie as they are, as `lib/*.jar`, which Flink puts on the class path of the program and
of its tasks; files lie as resources `userData/<name>`. It is made for one submission, and forgotten with it.
"""

import re
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from penstock.domain import graph, package, script, settings_keys
from penstock.domain.engine import EngineUnavailable, Refused
from penstock.domain.errors import Invalid, NotFound, PackageNotFound
from penstock.domain.job import SKIP_DIRTY_RECORDS, JarProgram, Job
from penstock.domain.package import Name
from penstock.domain.script import Located
from penstock.flink import jars, runner
from penstock.flink.buckets import Buckets

Packages = Callable[[str, Name], Path]
"""Gives the file that a package of a project lies in; raises `PackageNotFound`."""

MOST_JARS = 100
"""How many a script can name; the API takes as many of a jar job."""
_MOST_NESTED = 1000
_NO_SCRIPT = Located("")
_RESOURCES = "userData/"
_LIBRARY = re.compile(r"lib/.*\.jar")


@dataclass(frozen=True)
class Program:
    """A jar for Flink, where to begin in it, and with which arguments."""

    jar: Path
    entry_class: str
    arguments: Sequence[str]
    script: Located = _NO_SCRIPT
    """What a SQL job runs."""


def no_packages(_project: str, name: Name) -> Path:
    raise PackageNotFound(f"there is no package {name}")


@dataclass(frozen=True)
class Bundles:
    """Makes the programs of jobs; `limit` is how many bytes each of their jars and files may have.

    `folder` is for this process alone, as it is emptied when it starts; without one it is the system's.
    """

    buckets: Buckets
    packages: Packages = no_packages
    limit: int = 512 << 20
    folder: Path | None = None

    def sweep(self) -> None:
        """Remove what a process has left that was killed."""
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def program(self, job: Job) -> Iterator[Program]:
        """Give the program of a job, as long as this lasts.

        Raises `Refused` for one that will never run, `EngineUnavailable`, and `BucketFailure`, which can be an
        `UnknownBucket`.
        """
        with ExitStack() as stack:
            try:
                if self.folder is not None:
                    self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="penstock-", dir=self.folder))
                made = _Bundle(self, job.project_id, Path(folder))
                program = made.of_jar(job.program) if job.program else made.of_script(job)
            except (Invalid, NotFound, PackageNotFound) as error:
                raise Refused(str(error)) from error
            except OSError as error:
                raise EngineUnavailable(f"its jar cannot be put together: {error.strerror}") from error
            yield program


@dataclass(frozen=True)
class _Bundle:
    """One in the making; its methods raise `Invalid`, `NotFound`, `PackageNotFound` or `BucketFailure`."""

    source: Bundles
    project_id: str
    folder: Path

    @property
    def buckets(self) -> Buckets:
        return self.source.buckets.of_project(self.project_id)

    def of_script(self, job: Job) -> Program:
        found: dict[str, Path] = {}
        code = self._python(job.config.udf_jar_url)
        if job.config.udf_jar_url and not code:
            found[job.config.udf_jar_url] = self._jar(job.config.udf_jar_url)
        named = script.jars(job.sql)
        if len(named) > MOST_JARS:
            raise Invalid(f"the script names {len(named)} jars; it can have {MOST_JARS}")
        for address in named:
            with suppress(NotFound):  # the runner refuses it with its place
                found[address] = self._jar(address)
        located = script.located(job.sql, self.buckets.uri)
        return Program(
            jar=self._pack(list(found.items()), code) if found or code else runner.JAR,
            entry_class=runner.ENTRY_CLASS,
            arguments=[
                *runner.program_arguments(
                    located.sql,
                    owned=settings_keys.OWNED,
                    denied=settings_keys.DENIED,
                    jars=found,
                    skips_dirty_records=job.config.dirty_data_strategy == SKIP_DIRTY_RECORDS,
                    python=code,
                ),
                *runner.operator_arguments(graph.parallelism(job.config.operator_config)),
            ],
            script=located,
        )

    def _python(self, reference: str | None) -> dict[str, Path]:
        """Give the Python code of a script, by the resource that it becomes; nothing if it is a jar, or none."""
        name = package.python_file(reference) if reference else None
        if not reference or not name:
            return {}
        file = self._file(reference)
        if name.endswith(".zip"):
            jars.check(file, reference, "zip")
        return {_RESOURCES + name: file}

    def of_jar(self, program: JarProgram) -> Program:
        if not program.entrypoint:
            raise Invalid("the job has no entrypoint: it must name the jar with the main class")
        libraries = [(each, self._jar(each)) for each in (program.entrypoint, *program.dependency_jars)]
        main = program.main_class or jars.main_class(libraries[0][1], program.entrypoint)
        if main is None:
            raise Invalid(
                f"the manifest of {program.entrypoint} names no Main-Class, nor does the job: set main_class"
            )
        files = {_RESOURCES + package.file_name(each): self._file(each) for each in program.dependency_files}
        arguments = runner.jar_arguments(main, package.split_arguments(program.arguments))
        return Program(self._pack(libraries, files), runner.JAR_ENTRY_CLASS, arguments)

    def _jar(self, reference: str) -> Path:
        file = self._file(reference)
        jars.check(file, reference)
        return file

    def _file(self, reference: str) -> Path:
        named = package.refer(reference)
        if isinstance(named, Name):
            return self.source.packages(self.project_id, named)
        file = self.folder / f"{sum(1 for _ in self.folder.iterdir())}"
        self.buckets.download(named, file, self.source.limit)
        return file

    def _pack(self, libraries: Sequence[tuple[str, Path]], files: Mapping[str, Path]) -> Path:
        made = self.folder / "bundle.jar"
        with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as bundle:  # jars are compressed already
            with zipfile.ZipFile(runner.JAR) as ours:
                for name in ours.namelist():
                    bundle.writestr(name, ours.read(name))
            for number, (reference, file) in enumerate(libraries):
                bundle.write(file, f"lib/{number}-{package.file_name(reference)}".removesuffix(".jar") + ".jar")
                self._hoist(reference, file, bundle, f"lib/{number}-")
            for resource, file in files.items():
                bundle.write(file, resource)
        return made

    def _hoist(self, reference: str, file: Path, bundle: zipfile.ZipFile, prefix: str) -> None:
        """Copy the jars that lie in a user's jar as Flink would find them, were it not nested itself."""
        with jars.opened(file, reference) as jar:
            inner = [entry for entry in jar.infolist() if _LIBRARY.fullmatch(entry.filename)]
            size = sum(entry.file_size for entry in inner)
            if len(inner) > _MOST_NESTED or size > self.source.limit:
                raise Invalid(
                    f"{reference} holds {len(inner)} jars of {size} bytes together; "
                    f"it can hold {_MOST_NESTED} of {self.source.limit}"
                )
            for number, entry in enumerate(inner):
                name = f"{prefix}{number}-{package.file_name(entry.filename)}"
                with jar.open(entry) as content, bundle.open(name, "w", force_zip64=True) as to:
                    shutil.copyfileobj(content, to)
