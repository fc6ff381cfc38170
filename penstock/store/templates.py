"""The templates of the projects. Whoever writes one holds `database.alone`: so no two get one name, or one id."""

from itertools import count

import msgspec
from sqlalchemy import Connection, RowMapping, func, select

from penstock.domain.errors import AlreadyExists, NotFound, QuotaExceeded
from penstock.domain.job import JobType
from penstock.domain.template import LARGEST_ID, MOST, Template, TemplateFilter
from penstock.store.schema import TEMPLATES


def create(tx: Connection, draft: Template) -> Template:
    """Store a new template and give it its id; raises `AlreadyExists` or `QuotaExceeded`."""
    mine = TEMPLATES.c.project_id == draft.project_id
    if tx.execute(select(func.count()).select_from(TEMPLATES).where(mine)).scalar_one() >= MOST:
        raise QuotaExceeded(f"the project has {MOST} templates, which is the most: delete one first")
    _check_name(tx, draft)
    values = _values(draft)
    key = tx.execute(TEMPLATES.insert().values(values)).inserted_primary_key
    assert key is not None
    return get(tx, draft.project_id, _short(tx, key[0]))


def get(tx: Connection, project_id: str, template_id: int) -> Template:
    """Read a template of a project; raises `NotFound`."""
    mine = select(TEMPLATES).where(TEMPLATES.c.id == template_id, TEMPLATES.c.project_id == project_id)
    row = tx.execute(mine).mappings().first() if 0 < template_id <= LARGEST_ID else None
    if row is None:
        raise NotFound(f"template {template_id} does not exist")
    return _template(row)


def page(tx: Connection, wanted: TemplateFilter) -> tuple[list[Template], int]:
    """List one page, and count all matches; the scripts of the other pages are not read."""
    heads = select(TEMPLATES.c.id, TEMPLATES.c.name, TEMPLATES.c.tags)
    mine = tx.execute(heads.where(TEMPLATES.c.project_id == wanted.project_id)).all()
    matching = sorted(
        (
            template_id
            for template_id, name, tags in mine
            if wanted.name_part in name and wanted.tags.items() <= msgspec.json.decode(tags).items()
        ),
        reverse=wanted.descending,
    )
    shown = matching[wanted.offset :][: wanted.limit]
    return [get(tx, wanted.project_id, template_id) for template_id in shown], len(matching)


def change(tx: Connection, changed: Template) -> None:
    """Write what a template has become; raises `AlreadyExists`."""
    _check_name(tx, changed)
    tx.execute(TEMPLATES.update().where(TEMPLATES.c.id == changed.id).values(_values(changed)))


def delete(tx: Connection, project_id: str, template_id: int) -> None:
    """Forget a template; raises `NotFound`."""
    gone = get(tx, project_id, template_id)
    tx.execute(TEMPLATES.delete().where(TEMPLATES.c.id == gone.id))


def _check_name(tx: Connection, wanted: Template) -> None:
    named = (TEMPLATES.c.project_id == wanted.project_id, TEMPLATES.c.name == wanted.name)
    if tx.execute(select(TEMPLATES.c.id).where(*named, TEMPLATES.c.id != wanted.id)).first():
        raise AlreadyExists(f"a template named {wanted.name!r} exists already")


def _short(tx: Connection, template_id: int) -> int:
    """Give the template the lowest id that is free, once the database has run out of short ones."""
    if template_id <= LARGEST_ID:
        return template_id
    taken = set(tx.execute(select(TEMPLATES.c.id)).scalars())
    free = next(number for number in count(1) if number not in taken)
    tx.execute(TEMPLATES.update().where(TEMPLATES.c.id == template_id).values(id=free))
    return free


def _values(template: Template) -> dict[str, object]:
    return {
        "project_id": template.project_id,
        "name": template.name,
        "description": template.description,
        "type": template.type.value,
        "sql": template.sql,
        "tags": msgspec.json.encode(template.tags).decode(),
        "created_at": template.created_at,
        "updated_at": template.updated_at,
    }


def _template(row: RowMapping) -> Template:
    read = {"type": JobType(row["type"]), "tags": msgspec.json.decode(row["tags"])}
    return Template(**{**row, **read})
