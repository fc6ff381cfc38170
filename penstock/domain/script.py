"""A script as its author wrote it: the jars it names, and the options of its tables that are addresses of buckets.

Only what Flink would read counts: neither comments nor the insides of other texts. The lexical rules are those of
`Script.java`, which refuses what is never closed.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_SKIPPED = r"^\ufeff|--[^\r\n]*|(?<![:/])//[^\r\n]*|/\*(?!\+)[\s\S]*?\*/|\s+"
_TEXT = r"\b[eE]'(?:[^'\\]+|\\[\s\S]|'')*+'|'(?:[^']+|'')*+'"
_TOKEN = re.compile(rf"(?P<skipped>{_SKIPPED})|(?P<text>{_TEXT})|`[^`]*`|(?P<open>/\*(?!\+)|'|`)|\w+|[\s\S]")
_ADDRESS = re.compile(r"'((?:obs|s3)://(?:[^']|'')*)'")
_OPTIONS = frozenset({"WITH", "OPTIONS", "SET"})
"""What stands before the bracket around `'key' = 'value'`: of CREATE, of a hint, of ALTER."""
_LINE_END = re.compile(r"\r\n|\r|\n")
_PLACE = re.compile(r"line (\d+), column (\d+)(?=: )")


@dataclass(frozen=True)
class _Text:
    """A quoted text of a script, from one offset to another."""

    start: int
    end: int
    address: str
    before: tuple[str, str]
    """The two tokens before it."""
    is_option: bool


def jars(sql: str) -> list[str]:
    """List the addresses of the jars that statements add or use."""
    return list(dict.fromkeys(each.address for each in _addresses(sql) if each.before[1].upper() == "JAR"))


@dataclass(frozen=True)
class Located:
    """A script whose options name the places of their addresses, and what had to be changed for that."""

    sql: str
    places: tuple[str, ...] = ()
    edits: tuple[tuple[int, int, int], ...] = ()
    """Where in `sql` a text was replaced, how long that is now, and how long it was."""

    def told(self, reason: str) -> str:
        """Let a reason name the place in the script as it was written."""
        found = _PLACE.match(reason)
        if not found:
            return reason
        line, column = int(found[1]), int(found[2])
        start = [0, *(each.end() for each in _LINE_END.finditer(self.sql))][line - 1]
        at = start + column - 1
        for edit, new, old in self.edits:
            if start <= edit < at:
                column += old - new if edit + new <= at else edit - at
        return f"line {line}, column {column}{reason[found.end() :]}"


def located(sql: str, place_of: Callable[[str], str]) -> Located:
    """Put the place of each address into the options of tables, catalogs and hints; raises what `place_of` does."""
    made, places, edits, done = "", [], [], 0
    for each in _addresses(sql):
        if each.is_option:
            places.append(place_of(each.address))
            text = "'" + places[-1].replace("'", "''") + "'"
            made += sql[done : each.start]
            edits.append((len(made), len(text), each.end - each.start))
            made, done = made + text, each.end
    return Located(made + sql[done:], tuple(places), tuple(edits))


def _addresses(sql: str) -> Iterator[_Text]:
    """Find the texts that are addresses of buckets."""
    brackets: list[str] = []
    before = ("", "")
    for token in _TOKEN.finditer(sql) if "://" in sql else ():
        if token["open"]:
            return
        if token["skipped"]:
            continue
        text, word = token[0], before[1].upper()
        if text == "(":
            brackets.append(word)
        elif text in (")", ";"):
            brackets = brackets[:-1] if text == ")" else []
        elif found := _ADDRESS.fullmatch(text):
            is_option = bool(brackets) and brackets[-1] in _OPTIONS and before[1] == "=" and before[0][:1] == "'"
            yield _Text(token.start(), token.end(), found[1].replace("''", "'"), before, is_option)
        before = before[1], text
