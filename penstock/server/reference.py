"""The contract, served: the OpenAPI document for tools, and a page made of it for people."""

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from markdown_it import MarkdownIt

from penstock.server import openapi
from penstock.server.operation import Answer, Context, Operation, open_operation

Schema = dict[str, Any]

_HEAD = """\
# Operations

Every call, what it takes and what it answers. The same as an OpenAPI 3.1 document: `GET /openapi.json`; to read:
`GET /docs`. Requests may be laxer than this says: numbers and booleans may be quoted, a null means not given.
"""
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Penstock: operations</title>
<style>
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
code {{ font-size: 90%; }}
table {{ border-collapse: collapse; }}
td, th {{ border: 1px solid #8888; padding: .2rem .6rem; text-align: left; vertical-align: top; }}
</style>
</head>
<body>
{body}
</body>
</html>
"""


def operations(described: Sequence[Operation]) -> tuple[Operation, ...]:
    """Give the calls that tell of these operations."""

    @cache
    def document() -> Schema:
        return openapi.document(described)

    def openapi_document(_context: Context) -> dict[str, Any]:
        """Describe all calls as an OpenAPI 3.1 document."""
        return document()

    def reference_page(_context: Context) -> Answer:
        """Describe all calls on a page to read."""
        body = MarkdownIt("commonmark").enable("table").render(page(document()))
        return Answer(_PAGE.format(body=body).encode(), media_type="text/html; charset=utf-8")

    return open_operation("/openapi.json", openapi_document), open_operation("/docs", reference_page)


def page(document: Schema) -> str:
    """Write the document as Markdown."""
    lines = [_HEAD]
    for path, calls in document["paths"].items():
        for method, call in calls.items():
            lines += _call(f"{method.upper()} {path}", call)
    lines.append("## Shapes\n")
    for name, schema in sorted(document["components"]["schemas"].items()):
        lines += _shape(name, schema)
    return "\n".join(lines)


def _call(line: str, call: Schema) -> Iterator[str]:
    yield f"## {call['operationId']}\n\n`{line}`\n\n{call['summary']}\n"
    if "description" in call:
        yield call["description"] + "\n"
    if "x-penstock-action" in call:
        yield f"Needs `{call['x-penstock-action']}`.\n"
    for header in (each for each in call["parameters"] if each["in"] == "header"):
        yield f"Heeds the header `{header['name']}`: {header['description']}.\n"
    query = [each for each in call["parameters"] if each["in"] == "query"]
    if query:
        yield "| query parameter | type | default |\n|---|---|---|"
        yield "\n".join(
            f"| `{each['name']}` | {_type(each['schema'])} | {_default(each['schema'])} |" for each in query
        )
        yield ""
    for content in call.get("requestBody", {}).get("content", {}).items():
        yield f"Takes: {_content(*content)}\n"
    status, answer = next(iter(call["responses"].items()))
    told = " or ".join(_content(*each) for each in answer.get("content", {}).items()) or "nothing"
    yield f"Answers {status}: {told}\n"


def _content(media_type: str, content: Schema) -> str:
    return _type(content["schema"]) if media_type == "application/json" else f"`{media_type}`"


def _shape(name: str, schema: Schema) -> Iterator[str]:
    yield f"### {name}\n"
    if "description" in schema:
        yield schema["description"] + "\n"
    if schema.get("properties"):
        required = schema.get("required", ())
        yield "| member | type | |\n|---|---|---|"
        for member, kind in schema["properties"].items():
            yield f"| `{member}` | {_type(kind)} | {'' if member in required else _default(kind) or 'optional'} |"
        yield ""
    if "enum" in schema:
        yield f"One of {_type(schema)}.\n"


def _type(schema: Schema) -> str:
    """Write a type as a reader would say it."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(_type(each) for each in schema["anyOf"]))
    if "enum" in schema:
        return ", ".join(f"`{each}`" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}" if "items" in schema else "list"
    kind = {"string": "text", "boolean": "true or false", "number": "number", "integer": "integer", "null": "null"}
    return kind.get(schema.get("type", ""), "anything" if "type" not in schema else "object") + _bounds(schema)


def _bounds(schema: Schema) -> str:
    low, high = schema.get("minimum"), schema.get("maximum")
    short, long = schema.get("minLength"), schema.get("maxLength")
    told = [f"at least {low}" if low is not None else "", f"at most {high}" if high is not None else ""]
    told += [f"{short} characters or more" if short else "", f"at most {long} characters" if long else ""]
    return "".join(f", {each}" for each in told if each)


def _default(schema: Schema) -> str:
    default = schema.get("default")
    return "" if default is None else f"`{json.dumps(default)}`"
