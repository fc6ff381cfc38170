"""Requests as the Go client under Terraform's provider makes and signs them.

Read from chnsz/golangsdk at 83ad1d2 (2026-05-14). The headers that a call sets are signed, and no others: neither
`Host` nor `X-Project-Id` nor what Go's own client adds. The query is sent as it was signed, sorted and encoded.
"""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote

import httpx

OK = {"GET": (200,), "POST": (200, 201, 202), "PUT": (200, 201, 202), "DELETE": (200, 202, 204)}
TAGGED = (204,)
"""What a change of tags must answer."""
LANGUAGE = {"Content-Type": "application/json", "X-Language": "en-us"}
"""The headers of calls on jobs."""
JSON = {"Content-Type": "application/json"}
_AGENT = "terraform-provider-iac golangsdk/2.0.0"


@dataclass
class GoClient:
    """A client of one project; it remembers what it has asked."""

    http: httpx.Client
    url: str
    access_key: str
    secret: str = field(repr=False)
    project_id: str
    asked: list[str] = field(default_factory=list)

    def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] = LANGUAGE,
        ok: Sequence[int] = (),
    ) -> Any:
        """Call below the endpoint, with the project for `{p}`; any status that is not expected is an error."""
        answer = self.send(method, path, body, headers)
        assert answer.status_code in (ok or OK[method]), (method, path, answer.status_code, answer.text)
        return answer.json() if answer.content else None

    def send(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] = LANGUAGE
    ) -> httpx.Response:
        self.asked.append(f"{method} {path.partition('?')[0]}")
        raw_path, _, query = path.replace("{p}", self.project_id).partition("?")
        content = b"" if body is None else _encoded(body)
        signed = {"Accept": "application/json", "User-Agent": _AGENT, **(JSON if content else {}), **headers}
        signed["X-Sdk-Date"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        canonical_query = _query(query)
        proof = self._authorization(method, raw_path, canonical_query, signed, content)
        target = f"{self.url}/{raw_path}" + (f"?{canonical_query}" if canonical_query else "")
        sent = {**signed, "Authorization": proof, "X-Project-Id": self.project_id, "Accept-Encoding": "gzip"}
        return self.http.send(httpx.Request(method, target, headers=sent, content=content))

    def _authorization(
        self, method: str, raw_path: str, query: str, headers: Mapping[str, str], content: bytes
    ) -> str:
        lower = {name.lower(): value.strip() for name, value in headers.items()}
        names = sorted(lower)
        path = "/".join(quote(unquote(part), safe="-_.~") for part in f"/{raw_path}".split("/"))
        parts = [method, f"{path}/", query, "".join(f"{name}:{lower[name]}\n" for name in names)]
        request = "\n".join([*parts, ";".join(names), hashlib.sha256(content).hexdigest()])
        hashed = hashlib.sha256(request.encode()).hexdigest()
        to_sign = f"SDK-HMAC-SHA256\n{headers['X-Sdk-Date']}\n{hashed}"
        proof = hmac.new(self.secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
        return f"SDK-HMAC-SHA256 Access={self.access_key}, SignedHeaders={';'.join(names)}, Signature={proof}"


def _query(query: str) -> str:
    pairs = sorted(parse_qsl(query, keep_blank_values=True))
    return "&".join(f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}" for name, value in pairs)


def _encoded(body: object) -> bytes:
    """Encode as Go does: keys in order, whole numbers without a point, and a line break at the end."""
    text = json.dumps(_whole(body), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"{text}\n".encode()


def _whole(value: object) -> object:
    match value:
        case float() if value.is_integer():
            return int(value)
        case dict():
            return {key: _whole(member) for key, member in value.items()}
        case list():
            return [_whole(member) for member in value]
    return value
