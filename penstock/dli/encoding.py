"""How values travel in DLI's API: every quirk of its clients in one place, and the words for what is allowed.

Scalars may come quoted, a JSON null or an empty query value means "not given", the first of repeated query
parameters counts, and names that nobody knows are ignored.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TypeVar
from urllib.parse import parse_qsl

import msgspec
from msgspec import inspect

from penstock.domain.errors import Invalid, JobNotFound

LARGEST_ID = 2**63 - 1
_KEPT = "surrogateescape"  # bytes that are no UTF-8 matter only where they stand for a known name
Shape = TypeVar("Shape", bound=msgspec.Struct)

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_NUMBER = re.compile(r"-?[0-9]{1,19}(?:\.[0-9]{1,19})?")
_WHERE = re.compile(r" - at `\$\.?(.*)`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
_STEP = re.compile(r"([\w-]+)|\[[^]]*]")
_JSON = msgspec.json.Decoder(float_hook=float)  # without the hook 1e400 is an error, under unknown names too


def read_query(raw: bytes, shape: type[Shape]) -> Shape:
    """Read a query string; raises `Invalid`."""
    pairs = parse_qsl(raw.decode(errors=_KEPT), keep_blank_values=True, errors=_KEPT)
    first = {name: value for name, value in reversed(pairs) if name in shape.__struct_encode_fields__}
    for name, value in first.items():
        if not _is_unicode(value):
            raise Invalid(f"{name} must be UTF-8, percent-encoded")
    return convert({name: value or None for name, value in first.items()}, shape)


def read_body(raw: bytes, shape: type[Shape]) -> Shape:
    """Read a JSON body; raises `Invalid`."""
    return convert(read_json(raw, "the body"), shape)


def read_json(raw: bytes | str, name: str) -> dict[str, object]:
    """Read a JSON object, in a body or in a text value; raises `Invalid`."""
    try:
        value = _JSON.decode(raw)
    except (ValueError, RecursionError):
        raise Invalid(f"{name} must be valid JSON") from None
    if not isinstance(value, dict):
        raise Invalid(f"{name} must be a JSON object")
    return value


def read_job_id(text: str) -> int:
    """Read the job id of a path; raises `Invalid` or `JobNotFound`."""
    return existing_id(read_integer("job_id", text))


def read_integer(name: str, text: str) -> int:
    """Read a number of a path, one of more than 19 digits as another one of that kind; raises `Invalid`."""
    if not re.fullmatch("-?[0-9]+", text):
        raise Invalid(f"{name} must be an integer")
    return int(text[:20])


def existing_id(job_id: int) -> int:
    """Return an id that a job can have; raises `JobNotFound` for any other."""
    if not 0 < job_id <= LARGEST_ID:
        raise JobNotFound(f"job {job_id} does not exist")
    return job_id


def convert(given: dict[str, object], shape: type[Shape]) -> Shape:
    """Make a shape of what was given; raises `Invalid`, which names the value and what it may be."""
    try:
        return msgspec.convert(_lax(given, _type_of(shape), ""), shape)
    except RecursionError:
        raise Invalid("the values are nested too deep") from None
    except msgspec.ValidationError as error:
        raise Invalid(_explain(str(error), _type_of(shape))) from None


@contextmanager
def naming(name: str) -> Iterator[None]:
    """Put the name of a value before what is said to be wrong with it."""
    try:
        yield
    except Invalid as error:
        raise Invalid(f"{name}: {error}") from None


def write(answer: object) -> bytes:
    return msgspec.json.encode(answer)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


@cache
def _type_of(shape: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(shape)


def _lax(value: object, wanted: inspect.Type, name: str) -> object:
    """Drop nulls, and take quoted numbers and booleans for what they say; what does not fit is left as it is."""
    match _without_null(wanted), value:
        case inspect.StructType(fields=fields), dict():
            known = {field.encode_name: field.type for field in fields}
            return {k: _lax(v, known[k], k) for k, v in value.items() if k in known and v is not None}
        case inspect.ListType(item_type=item), list():
            return [_lax(element, item, name) for element in value]
        case inspect.IntType(), str() if _INTEGER.fullmatch(value):
            return int(value)
        case inspect.FloatType(), str() if _NUMBER.fullmatch(value):
            return float(value)
        case inspect.BoolType(), str() if value.lower() in ("true", "false"):
            return value.lower() == "true"
        case inspect.StrType(), str() if "\0" in value:
            raise Invalid(f"{name} must not hold the character U+0000")
    return value


def _without_null(wanted: inspect.Type) -> inspect.Type:
    if isinstance(wanted, inspect.UnionType):
        rest = [kind for kind in wanted.types if not isinstance(kind, inspect.NoneType)]
        return rest[0] if len(rest) == 1 else wanted
    return wanted


def _explain(error: str, wanted: inspect.Type) -> str:
    place = found.group(1) if (found := _WHERE.search(error)) else ""
    if missing := _MISSING.search(error):
        place = f"{place}.{missing.group(1)}".lstrip(".")
    for step in _STEP.finditer(place):
        wanted = _below(_without_null(wanted), step.group(1))
    return f"{place} must be {_allowed(_without_null(wanted))}"


def _below(wanted: inspect.Type, name: str | None) -> inspect.Type:
    match wanted:
        case inspect.StructType(fields=fields):
            return next(field.type for field in fields if field.encode_name == name)
        case inspect.ListType(item_type=item) | inspect.DictType(value_type=item):
            return item
    return wanted


def _allowed(wanted: inspect.Type) -> str:
    match wanted:
        case inspect.IntType(ge=low, le=high):
            return "an integer" + _between(low, high)
        case inspect.FloatType(ge=low, le=high):
            return "a number" + _between(low, high)
        case inspect.StrType(min_length=low, max_length=high):
            return "a text" + _of(low, high, "characters")
        case inspect.ListType(min_length=low, max_length=high, item_type=item):
            return "a list" + _of(low, high, "elements") + f", each {_allowed(item)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.EnumType(cls=cls):
            return "one of " + ", ".join(member.value for member in cls)
        case inspect.LiteralType(values=values):
            return "one of " + ", ".join(dict.fromkeys(map(str, values)))
    return "an object"


def _between(low: float | None, high: float | None) -> str:
    if low is None:
        return ""
    return f" between {low} and {high}" if high is not None else f" of at least {low}"


def _of(low: int | None, high: int | None, unit: str) -> str:
    if high is None:
        return ""
    return f" of {low} to {high} {unit}" if low else f" of at most {high} {unit}"
