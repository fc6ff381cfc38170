"""The contract of all operations as an OpenAPI 3.1 document, and as a page to read: both from one source."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

import msgspec

import penstock
from penstock.dli.errors import Failure
from penstock.server import repeats
from penstock.server.operation import Answer, Operation

Schema = dict[str, Any]

_VERSION = "3.1.0"
_REFERENCE = "#/components/schemas/{name}"
_NAMES: Mapping[str, Schema] = {
    "job_id": {"type": "integer", "minimum": 1},
    "template_id": {"type": "integer", "minimum": 1},
}
"""What the paths name and is no text."""
_REPEATS: Schema = {
    "name": repeats.HEADER,
    "in": "header",
    "description": "the call is done once, and answered the same whenever it comes again within 24 hours",
    "schema": {"type": "string", "pattern": f"^[!-~]{{1,{repeats.LONGEST}}}$"},
}
_HASH: Schema = {
    "name": "X-Sdk-Content-Sha256",
    "in": "header",
    "required": True,
    "description": "the SHA-256 of the body, by which it is signed before it is read",
    "schema": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
}
_FAILURES = {
    400: "the request is not as it must be, or what it names does not allow it",
    401: "the caller could not prove who it is",
    403: "the caller may not do this",
    404: "what the path names is not there",
    408: "the body has not arrived in time",
    413: "the body is too large",
    429: "there are too many requests; `Retry-After` says when to ask again",
    431: "path, query and headers are too large",
    500: "the service met an unexpected error; only the request id is told",
}
_MADE = {
    "create_sql_job": ("job_id", "/job/job_id"),
    "create_jar_job": ("job_id", "/job/job_id"),
    "create_template": ("template_id", "/template/template_id"),
    "create_queue": ("queue_name", "/queue_name"),
}
"""What an operation makes: its name in the paths of others, and where in the answer it stands."""
_SECURITY = {
    "signature": {
        "type": "apiKey",
        "in": "header",
        "name": "Authorization",
        "description": "SDK-HMAC-SHA256, as Huawei Cloud's SDKs sign; with the header `X-Sdk-Date`",
    },
    "token": {
        "type": "apiKey",
        "in": "header",
        "name": "X-Auth-Token",
        "description": "the `X-Subject-Token` that `POST /v3/auth/tokens` answers; a signature goes before it",
    },
}


def document(operations: Sequence[Operation]) -> Schema:
    """Describe the operations."""
    schemas = _Schemas(_types(operations))
    paths: dict[str, Schema] = {}
    for each in operations:
        described = paths.setdefault(each.path, {})[each.method.lower()] = _described(each, schemas)
        if each.name in _MADE:
            described["responses"][str(each.contract.status)]["links"] = _links(*_MADE[each.name], operations)
    return {
        "openapi": _VERSION,
        "info": {
            "title": "Penstock",
            "version": penstock.__version__,
            "description": "Runs and lists Apache Flink jobs behind the REST API of DLI's streaming jobs.",
            "license": {"name": "Apache 2.0", "identifier": "Apache-2.0"},
        },
        "paths": paths,
        "components": {"schemas": schemas.components, "securitySchemes": _SECURITY},
    }


class _Schemas:
    """The JSON schemas of the types that the operations take and give."""

    def __init__(self, types: Sequence[Any]) -> None:
        told = msgspec.json.schema_components(types, schema_hook=_anything, ref_template=_REFERENCE)
        names = {_REFERENCE.format(name=name): _REFERENCE.format(name=_plain(name)) for name in told[1]}
        self.components = {_plain(name): _renamed(schema, names) for name, schema in told[1].items()}
        self._by_type = dict(zip(map(repr, types), _renamed(told[0], names), strict=True))

    def of(self, wanted: Any) -> Schema:
        members = [self._by_type[repr(each)] for each in _members(wanted)]
        return members[0] if len(members) == 1 else {"anyOf": members}

    def fields(self, struct: Any) -> Iterator[tuple[str, Schema]]:
        name = self.of(struct)["$ref"].rpartition("/")[2]
        yield from self.components[name]["properties"].items()


def _plain(name: str) -> str:
    """Make `SqlJobsCreateBody` of `penstock.dli.sql_jobs.CreateBody`, which is not the only `CreateBody`."""
    return "".join(
        word[:1].upper() + word[1:]
        for word in re.split(
            r"[._]",
            name.removeprefix("penstock.").removeprefix("dli.").removeprefix("server.").removeprefix("domain."),
        )
    )


def _renamed(value: Any, names: Mapping[str, str]) -> Any:
    if isinstance(value, Mapping):
        return {key: _renamed(member, names) for key, member in value.items()}
    if isinstance(value, list | tuple):
        return [_renamed(member, names) for member in value]
    return names.get(value, value) if isinstance(value, str) else value


def _anything(kind: type) -> Schema:
    """Describe what is annotated as an object of no kind; raises `NotImplementedError` for other types."""
    if kind is not object:
        raise NotImplementedError
    return {"description": "any value"}


def _types(operations: Iterable[Operation]) -> list[Any]:
    wanted: dict[str, Any] = {repr(Failure): Failure}
    for each in operations:
        shape = each.contract
        for kind in (shape.query, shape.body, *_members(_told(shape.answer))):
            if kind is not None:
                wanted[repr(kind)] = kind
    return list(wanted.values())


def _members(kind: Any) -> tuple[Any, ...]:
    """Take a union of shapes apart, which msgspec has no schema for."""
    return get_args(kind) if get_origin(kind) in (Union, UnionType) else (kind,)


def _told(answer: Any) -> Any:
    """Give the type of an answer in JSON, or None where it is none."""
    return None if answer in (None, Answer) else answer


def _described(each: Operation, schemas: _Schemas) -> Schema:
    summary, _, description = each.contract.text.partition("\n")
    told: Schema = {
        "operationId": each.name,
        "summary": summary or each.name.replace("_", " ").capitalize(),
        "tags": [each.path.split("/")[-1] if each.action is None else each.action.split(":")[1]],
        "parameters": [
            *_path_parameters(each),
            *_query_parameters(each, schemas),
            *([_REPEATS] if each.is_repeatable else []),
            *([_HASH] if each.takes_stream else []),
        ],
        "responses": _responses(each, schemas),
        "security": [] if each.is_open else [{name: []} for name in _SECURITY],
    }
    if description.strip():
        told["description"] = description.strip()
    if each.action is not None:
        told["x-penstock-action"] = each.action.value
    if each.takes_stream:
        told["requestBody"] = {"required": True, "content": {"application/octet-stream": {}}}
    elif each.contract.body is not None:
        content = {"application/json": {"schema": schemas.of(each.contract.body)}}
        told["requestBody"] = {"required": each.contract.needs_body, "content": content}
    return told


def _path_parameters(each: Operation) -> Iterator[Schema]:
    for name in re.findall(r"{(\w+)}", each.path):
        yield {"name": name, "in": "path", "required": True, "schema": _NAMES.get(name, {"type": "string"})}


def _query_parameters(each: Operation, schemas: _Schemas) -> Iterator[Schema]:
    if each.contract.query is not None:
        for name, schema in schemas.fields(each.contract.query):
            yield {"name": name, "in": "query", "schema": schema}


def _can_fail(each: Operation, status: int) -> bool:
    match status:
        case 401 | 403:
            return not each.is_open or each.contract.body is not None
        case 404:  # a name can be one that no path has, and a token one that nobody has
            return bool(re.search(r"{(?!project_id})", each.path)) or (each.action is None and not each.is_open)
        case _:
            return True


def _links(name: str, pointer: str, operations: Iterable[Operation]) -> Schema:
    """Say which operations can follow on what one has made."""
    made = f"$response.body#{pointer}"
    found: Schema = {}
    for each in operations:
        parameters = {"project_id": "$request.path.project_id"}
        if f"{{{name}}}" in each.path:
            found[each.name] = {"operationId": each.name, "parameters": {**parameters, name: made}}
        elif f"{name}s" in getattr(each.contract.body, "__struct_fields__", ()):
            body = {f"{name}s": [made]}
            found[each.name] = {"operationId": each.name, "parameters": parameters, "requestBody": body}
    return found


def _responses(each: Operation, schemas: _Schemas) -> Schema:
    answer, failure = each.contract.answer, schemas.of(Failure)
    success: Schema = {"description": "what was asked for"}
    if answer is Answer:
        success["content"] = {"text/plain": {"schema": {"type": "string"}}}
    elif answer is not None:
        success["content"] = {"application/json": {"schema": schemas.of(answer)}}
    told: Schema = {str(each.contract.status): success}
    if each.contract.other_status is not None:
        told[str(each.contract.other_status)] = {**success, "description": "what was asked for is not so"}
    for status, why in _FAILURES.items():
        if not _can_fail(each, status):
            continue
        is_whole_batch = status == 400 and get_origin(answer) is list
        schema = {"anyOf": [failure, schemas.of(answer)]} if is_whole_batch else failure
        told[str(status)] = {"description": why, "content": {"application/json": {"schema": schema}}}
    return told
