"""Holds the page on permissions to the code."""

import re

from docs.coverage import ROOT
from penstock.domain.roles import ALLOWED, Action, Role

_OWN = {Action.READ_KEYS, Action.CHANGE_KEYS}


def test_the_roles_of_the_page_are_those_of_the_code() -> None:
    text = (ROOT / "docs/how-to/permissions.md").read_text()
    head, *rows = re.findall(r"^\| (?:action|`([\w:]+)`) \| (.+) \| (.+) \| (.+) \|$", text, re.MULTILINE)
    assert list(head[1:]) == [role.value for role in Role]
    assert {action: cells for action, *cells in rows} == {
        action.value: [_cell(action, role) for role in Role] for action in Action
    }


def _cell(action: Action, role: Role) -> str:
    if action not in ALLOWED[role]:
        return "–"
    is_own = action in _OWN and Action.CHANGE_MEMBERS not in ALLOWED[role]
    return "own" if is_own else "yes"
