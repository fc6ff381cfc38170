"""Packages: what is stored comes back, on every database, and what a job names stays."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from penstock.domain.errors import NotAllowed, PackageNotFound
from penstock.domain.job import JarProgram, Job, JobConfig, JobType
from penstock.domain.package import Kind, Name, Package
from penstock.store import packages
from penstock.store.database import Database

NAME = Name("fraud", "rules.jar")


def package(project: str, name: Name = NAME, **fields: object) -> Package:
    blank = Package(project, name, Kind.JAR, "c" * 64, 7, "maria", "obs://b/rules.jar", 5, 6, {"team": "web"})
    return replace(blank, **fields)


def put(database: Database, *new: Package) -> None:
    with database.write() as tx:
        for each in new:
            packages.put(tx, each)


def test_packages_come_back_by_group_and_name(database: Database, project: str) -> None:
    all_three = [package(project, Name(*name)) for name in (("", "z"), ("fraud", "a"), ("fraud", "b"))]
    put(database, *reversed(all_three))
    with database.read() as tx:
        assert packages.of_project(tx, project) == all_three
        assert packages.get(tx, project, Name("fraud", "a")) == all_three[1]


def test_a_package_that_replaces_another_keeps_the_time_of_its_creation(database: Database, project: str) -> None:
    put(database, package(project), package(project, content="d" * 64, created_at=8, updated_at=9))
    with database.read() as tx:
        assert packages.of_project(tx, project) == [package(project, content="d" * 64, updated_at=9)]


def test_a_package_of_another_project_is_not_found(database: Database, project: str) -> None:
    put(database, package(project))
    with pytest.raises(PackageNotFound, match=r"fraud/rules\.jar"), database.read() as tx:
        packages.get(tx, "other", NAME)


def test_a_content_is_kept_as_long_as_a_package_has_it(database: Database, project: str) -> None:
    content = project * 2
    put(database, package(project, content=content), package(project, Name("", "copy"), content=content))
    for name, kept in ((NAME, True), (Name("", "copy"), False)):
        with database.write() as tx:
            assert packages.delete(tx, project, name).name == name
            assert (content in packages.contents(tx)) is kept


@pytest.mark.parametrize(
    "fields",
    [
        {"type": JobType.JAR, "program": JarProgram("fraud/rules.jar")},
        {"type": JobType.JAR, "program": JarProgram(dependency_jars=("a", "fraud/rules.jar"))},
        {"type": JobType.JAR, "program": JarProgram(dependency_files=("fraud/rules.jar",))},
        {"config": JobConfig(udf_jar_url="fraud/rules.jar")},
    ],
)
def test_a_package_that_a_job_names_is_not_deleted(
    database: Database, project: str, create: Callable[..., Job], fields: dict[str, object]
) -> None:
    put(database, package(project))
    job = create(**fields)
    with pytest.raises(NotAllowed, match=f"in use by job {job.id}"), database.write() as tx:
        packages.delete(tx, project, NAME)


def test_a_package_with_a_like_name_is_deleted(
    database: Database, project: str, create: Callable[..., Job]
) -> None:
    put(database, package(project))
    create(
        type=JobType.JAR,
        program=JarProgram("other/rules.jar", dependency_jars=("fraud_rules.jar", "obs://bbb/fraud/rules.jar")),
    )
    create(description="fraud/rules.jar", config=JobConfig(runtime_config="x=fraud/rules.jar"))
    with database.write() as tx:
        packages.delete(tx, project, NAME)


def test_a_package_is_given_away(database: Database, project: str) -> None:
    put(database, package(project))
    with database.write() as tx:
        packages.give(tx, project, [NAME], "ann", 9)
    with database.read() as tx:
        assert packages.get(tx, project, NAME) == package(project, owner="ann", updated_at=9)
