"""The ASGI application: finds the operation, runs it in a worker thread, and turns every error into an answer."""

import asyncio
import logging
import re
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_address
from time import perf_counter

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Receive, Scope, Send

from penstock.dli.errors import BodyTooLarge, BodyTooSlow, UnknownPath, failure, headers
from penstock.domain.errors import Invalid
from penstock.server import (
    archives,
    audit,
    buckets,
    figures,
    graphs,
    health,
    history,
    iam,
    jar_jobs,
    jobs,
    keys,
    logs,
    members,
    orphans,
    pools,
    queue_properties,
    queues,
    quotas,
    reference,
    refused,
    resources,
    sql_jobs,
    tags,
    templates,
)
from penstock.server.operation import (
    HEAD_LIMIT,
    Answer,
    Context,
    Operation,
    Received,
    head_too_large,
    json,
    log_unexpected,
)
from penstock.server.streams import Streams
from penstock.signing import Message

_SHA256 = re.compile(rb"[0-9a-f]{64}")

access_log = logging.getLogger("penstock.access")

_DESCRIBED = (
    *jobs.OPERATIONS,
    *sql_jobs.OPERATIONS,
    *jar_jobs.OPERATIONS,
    *templates.OPERATIONS,
    *archives.OPERATIONS,
    *graphs.OPERATIONS,
    *figures.OPERATIONS,
    *history.OPERATIONS,
    *logs.OPERATIONS,
    *orphans.OPERATIONS,
    *queues.OPERATIONS,
    *queue_properties.OPERATIONS,
    *pools.OPERATIONS,
    *quotas.OPERATIONS,
    *refused.OPERATIONS,
    *tags.OPERATIONS,
    *buckets.OPERATIONS,
    *resources.OPERATIONS,
    *members.OPERATIONS,
    *keys.OPERATIONS,
    *audit.OPERATIONS,
    *iam.OPERATIONS,
    *health.OPERATIONS,
)
OPERATIONS = (*_DESCRIBED, *reference.operations(_DESCRIBED))
_ROUTES = [(operation, compile_path(operation.path)[0]) for operation in OPERATIONS]


@dataclass(frozen=True)
class App:
    context: Context
    streams: Streams

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        request_id = self.context.new_id()
        started = perf_counter()
        operation, names = _find(scope["method"], scope["path"])
        try:
            answer = await self._answer(request, operation, names, request_id)
        except ClientDisconnect:
            return
        except Exception as error:
            answer = _failed(error, request_id)
        self._count(request, operation, answer.status, perf_counter() - started, request_id)
        sent = {**answer.headers, "X-Request-Id": request_id}
        await Response(answer.content, answer.status, sent, answer.media_type)(scope, receive, send)

    async def _answer(
        self, request: Request, operation: Operation | None, names: dict[str, str], request_id: str
    ) -> Answer:
        scope = request.scope
        target = scope["raw_path"] + (b"?" + scope["query_string"] if scope["query_string"] else b"")
        if len(target) + sum(len(name) + len(value) for name, value in scope["headers"]) > HEAD_LIMIT:
            raise head_too_large()
        if operation is None:
            raise UnknownPath(f"there is no {request.method} {scope['path']}")
        message = Message(scope["method"], target, scope["headers"])
        received = Received(message, names, request_id, _address(scope))
        if operation.takes_stream:
            hashed = replace(message, body_sha256=_declared_hash(message))
            received = replace(received, message=hashed, chunks=self.streams.chunks(request))
            return await self.streams.run(partial(operation.serve, self.context, received))
        received = replace(received, message=replace(message, body=await self._body(request)))
        return await run_in_threadpool(operation.serve, self.context, received)

    async def _body(self, request: Request) -> bytes:
        limit, patience_s = self.context.body_limit, self.context.body_patience_s
        body = bytearray()
        try:
            async with asyncio.timeout(patience_s):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > limit:
                        raise BodyTooLarge(f"the body must be at most {limit} bytes")
        except TimeoutError:
            raise BodyTooSlow(f"the body must arrive within {patience_s} s") from None
        return bytes(body)

    def _count(
        self, request: Request, operation: Operation | None, status: int, seconds: float, request_id: str
    ) -> None:
        name, method = (operation.name, operation.method) if operation else ("unknown", "any")
        self.context.metrics.requests.labels(name, method, status).inc()
        self.context.metrics.request_seconds.labels(name).observe(seconds)
        # The query is left out: it holds what users typed. The raw path cannot hold a line break.
        path = request.scope["raw_path"].decode("ascii", "backslashreplace")
        level = logging.DEBUG if operation in health.OPERATIONS else logging.INFO
        access_log.log(level, "%s %s %d %.1f ms request %s", method, path, status, seconds * 1000, request_id)


def create_app(context: Context) -> App:
    return App(context, Streams(context))


def _find(method: str, path: str) -> tuple[Operation | None, dict[str, str]]:
    for operation, pattern in _ROUTES if "\0" not in path else ():  # no name holds that, nor does PostgreSQL
        if operation.method == method and (found := pattern.fullmatch(path)):
            return operation, found.groupdict()
    return None, {}


def _address(scope: Scope) -> str:
    """Give the caller's address; behind a trusted proxy it is what that says, which may be no address."""
    try:
        return str(ip_address((scope.get("client") or ("",))[0].partition("%")[0]))
    except ValueError:
        return "unknown"


def _declared_hash(message: Message) -> str:
    values = message.values("x-sdk-content-sha256")
    if len(values) != 1 or not _SHA256.fullmatch(values[0]):
        raise Invalid(
            "the header X-Sdk-Content-Sha256 must be the SHA-256 of the body, in small hexadecimal digits"
        )
    return values[0].decode()


def _failed(error: Exception, request_id: str) -> Answer:
    status, body = failure(error, request_id)
    if status >= 500:
        log_unexpected(error, request_id)
    return replace(json(body, status), headers=headers(error))
