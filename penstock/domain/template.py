"""Templates: scripts that SQL jobs can be made of. A job holds a copy, so that a template can change or go."""

from dataclasses import dataclass, field

from penstock.domain.job import JobType

MOST = 100
"""How many a project can have (DLI: create template)."""
LARGEST_ID = 999_999
"""Terraform prints an id as a float, which has an exponent beyond that."""


@dataclass(frozen=True)
class Template:
    id: int
    project_id: str
    name: str
    type: JobType
    created_at: int
    updated_at: int
    description: str = ""
    sql: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TemplateFilter:
    """Which templates of a project a list shows, and which page of them, by id (DLI: list templates)."""

    project_id: str
    name_part: str = ""
    """Matches anywhere in the name, case-sensitively."""
    tags: dict[str, str] = field(default_factory=dict)
    """All must match."""
    descending: bool = True
    offset: int = 0
    limit: int = 10
