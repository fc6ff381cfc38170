"""Templates: what is stored comes back, on every database, by page and within the quota."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from sqlalchemy import text

from penstock.domain.errors import AlreadyExists, NotFound, QuotaExceeded
from penstock.domain.job import JobType
from penstock.domain.template import LARGEST_ID, MOST, Template, TemplateFilter
from penstock.store import database as opening
from penstock.store import templates
from penstock.store.database import Database
from tests.store.conftest import make_project


def create(database: Database, project: str, name: str = "count", **fields: object) -> Template:
    blank = Template(0, project, name, JobType.SQL, 5, 6, "how many", "SELECT 1", {"team": "web"})
    with database.write() as tx:
        opening.alone(tx)
        return templates.create(tx, replace(blank, **fields))


def names(database: Database, project: str, **wanted: object) -> tuple[list[str], int]:
    with database.read() as tx:
        found, total = templates.page(tx, TemplateFilter(project, **wanted))
    return [each.name for each in found], total


def test_a_template_comes_back_as_it_was_stored(database: Database, project: str) -> None:
    made = create(database, project, type=JobType.OPENSOURCE_SQL, sql="SELECT '漢字'\r\n")
    assert made == Template(
        made.id, project, "count", JobType.OPENSOURCE_SQL, 5, 6, "how many", "SELECT '漢字'\r\n", {"team": "web"}
    )
    with database.read() as tx:
        assert templates.get(tx, project, made.id) == made


def test_the_newest_come_first_unless_asked_otherwise(database: Database, project: str) -> None:
    for name in ("a", "b", "c"):
        create(database, project, name)
    assert names(database, project) == (["c", "b", "a"], 3)
    assert names(database, project, descending=False, offset=1, limit=1) == (["b"], 3)
    assert names(database, project, limit=0) == ([], 3)
    assert names(database, project, offset=2**63 - 1) == ([], 3)


def test_a_list_keeps_what_is_asked_for(database: Database, project: str) -> None:
    create(database, project, "Clicks_by_hour", tags={"team": "web", "stage": "dev"})
    create(database, project, "clicks", tags={"team": "ads"})
    assert names(database, project, name_part="clicks") == (["clicks"], 1)
    assert names(database, project, name_part="_by_") == (["Clicks_by_hour"], 1)
    assert names(database, project, name_part="%") == ([], 0)
    assert names(database, project, tags={"team": "web"}) == (["Clicks_by_hour"], 1)
    assert names(database, project, tags={"team": "web", "stage": "live"}) == ([], 0)


def test_a_changed_template_keeps_its_id(database: Database, project: str) -> None:
    made = create(database, project)
    changed = replace(made, name="sum", sql="SELECT 2", updated_at=9)
    with database.write() as tx:
        templates.change(tx, changed)
        assert templates.get(tx, project, made.id) == changed


def test_a_name_is_taken_within_its_project_only(database: Database, project: str) -> None:
    create(database, project)
    other = create(database, project, "other")
    with pytest.raises(AlreadyExists, match="'count' exists already"):
        create(database, project)
    with pytest.raises(AlreadyExists, match="'count' exists already"), database.write() as tx:
        templates.change(tx, replace(other, name="count"))
    create(database, make_project(database))


@pytest.mark.parametrize("template_id", [0, -1, LARGEST_ID, 2**63, 10**19])
def test_a_template_that_is_not_there_is_not_found(database: Database, project: str, template_id: int) -> None:
    with pytest.raises(NotFound, match=f"template {template_id} does not exist"), database.read() as tx:
        templates.get(tx, project, template_id)


def test_a_template_of_another_project_is_neither_read_nor_deleted(database: Database, project: str) -> None:
    made = create(database, project)
    for act in (templates.get, templates.delete):
        with pytest.raises(NotFound), database.write() as tx:
            act(tx, "other", made.id)
    with database.write() as tx:
        templates.delete(tx, project, made.id)
        assert templates.page(tx, TemplateFilter(project)) == ([], 0)


def test_a_project_has_at_most_a_hundred(database: Database, project: str) -> None:
    made = [create(database, project, f"t{number}") for number in range(MOST)]
    with pytest.raises(QuotaExceeded, match="has 100 templates"):
        create(database, project, "one_more")
    with database.write() as tx:
        templates.delete(tx, project, made[0].id)
    create(database, project, "one_more")


def test_ids_stay_short_once_a_million_have_been_given_out(database: Database, project: str) -> None:
    first = create(database, project, "first")
    exhaust_ids(database)
    later = [create(database, project, name) for name in ("second", "third")]
    ids = [each.id for each in (first, *later)]
    assert len(set(ids)) == 3
    assert max(ids) <= LARGEST_ID


def exhaust_ids(database: Database) -> None:
    with database.write() as tx:
        for statement in spent(tx.dialect.name):
            tx.execute(text(statement))


def spent(dialect: str) -> Iterable[str]:
    if dialect == "sqlite":
        return [f"UPDATE sqlite_sequence SET seq = {LARGEST_ID} WHERE name = 'templates'"]
    return [f"SELECT setval(pg_get_serial_sequence('templates', 'id'), {LARGEST_ID})"]
