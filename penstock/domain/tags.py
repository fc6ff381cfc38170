"""Tags: words that users put on jobs, queues and packages, to find them by."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from penstock.domain.errors import Invalid

MOST = 20
"""How many one thing can carry."""


@dataclass(frozen=True)
class Tagged:
    """A thing that carries tags."""

    id: str
    name: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class Search:
    """Which things are looked for."""

    tags: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Each key must be there, with one of these values; with any, if there are none."""
    is_bare: bool = False
    """Those without tags instead."""
    name_part: str = ""

    def finds(self, thing: Tagged) -> bool:
        if self.name_part not in thing.name:
            return False
        return not thing.tags if self.is_bare else all(self._has(thing, key) for key in self.tags)

    def _has(self, thing: Tagged, key: str) -> bool:
        return key in thing.tags and (not self.tags[key] or thing.tags[key] in self.tags[key])


def added(tags: Mapping[str, str], more: Mapping[str, str]) -> dict[str, str]:
    """Add tags; one that is there gets its new value. Raises `Invalid`."""
    together = {**tags, **more}
    if len(together) > MOST:
        raise Invalid(f"tags: there would be {len(together)}, and {MOST} are the most")
    return together


def removed(tags: Mapping[str, str], keys: Collection[str]) -> dict[str, str]:
    """Remove those of these keys that are there."""
    return {key: value for key, value in tags.items() if key not in keys}


def values_by_key(things: Iterable[Tagged]) -> dict[str, list[str]]:
    """Give all keys with all of their values, in order."""
    pairs = sorted({pair for thing in things for pair in thing.tags.items()})
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(value)
    return found
