"""SDK-HMAC-SHA256, the request signature of Huawei Cloud's clients: pure functions, for the server and for clients.

Everything is computed on the bytes of the wire, so that what a client signed is what the server checks, whatever
its encoding. The rules are those of the API request signing guide, held against the official SDK in the tests.
"""

import hashlib
import hmac
import re
from calendar import timegm
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from time import gmtime, strftime, strptime
from urllib.parse import quote, unquote_to_bytes

from penstock.domain.errors import Unauthenticated

ALGORITHM = "SDK-HMAC-SHA256"
WINDOW_S = 15 * 60
MOST_SIGNED_HEADERS = 64
LONGEST_AUTHORIZATION = 8 * 1024
_DATE_FORMAT = "%Y%m%dT%H%M%SZ"
_DATE = re.compile(rb"[0-9]{8}T[0-9]{6}Z")
_FIELD = re.compile(r"\s*(Access|SignedHeaders|Signature)=([!-~]+)\s*")


@dataclass(frozen=True)
class Message:
    """A request as it travels: `target` is the raw path with its query, header names are in lower case."""

    method: str
    target: bytes
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes = b""
    body_sha256: str | None = None
    """The hash that the body will turn out to have, in place of one that has not arrived."""

    @cached_property
    def digest(self) -> str:
        return self.body_sha256 or hashlib.sha256(self.body).hexdigest()

    def values(self, name: str) -> list[bytes]:
        return self._by_name.get(name.encode(), [])

    @cached_property
    def _by_name(self) -> Mapping[bytes, list[bytes]]:
        found = defaultdict(list)
        for name, value in self.headers:
            found[name].append(value.strip())
        return found


@dataclass(frozen=True)
class Claim:
    """Who the caller says it is, and the proof it offers (header `Authorization`)."""

    access_key: str
    signed_headers: tuple[str, ...]
    signature: str


def claim(message: Message) -> Claim:
    """Read the `Authorization` header. Raises `Unauthenticated` when there is none that can be checked."""
    values = message.values("authorization")
    if len(values) != 1:
        raise Unauthenticated("the request must carry one Authorization header")
    if len(values[0]) > LONGEST_AUTHORIZATION:
        raise Unauthenticated(f"the Authorization header must be at most {LONGEST_AUTHORIZATION} bytes")
    algorithm, _, rest = values[0].decode("latin-1").partition(" ")
    if algorithm != ALGORITHM:
        raise Unauthenticated(f"the Authorization header must be an {ALGORITHM} signature")
    fields = {found[1]: found[2] for part in rest.split(",") if (found := _FIELD.fullmatch(part))}
    if len(fields) != 3:
        raise Unauthenticated("the Authorization header must name Access, SignedHeaders and Signature")
    signed = tuple(fields["SignedHeaders"].lower().split(";"))
    if "x-sdk-date" not in signed:
        raise Unauthenticated("the header X-Sdk-Date must be signed")
    if len(signed) > MOST_SIGNED_HEADERS:
        raise Unauthenticated(f"SignedHeaders must name at most {MOST_SIGNED_HEADERS} headers")
    return Claim(fields["Access"], signed, fields["Signature"])


def verify(message: Message, offered: Claim, secret: str, now_ms: int) -> None:
    """Raise `Unauthenticated` unless the holder of `secret` signed exactly this request within the window."""
    date = message.values("x-sdk-date")[:1]
    if not date or abs(_seconds(date[0]) - now_ms / 1000) > WINDOW_S:
        raise Unauthenticated("the date of the signature is more than 15 minutes from the server's")
    if any(value != message.digest.encode() for value in message.values("x-sdk-content-sha256")):
        raise Unauthenticated("X-Sdk-Content-Sha256 is not the hash of the body")
    wanted = _signature(message, offered.signed_headers, secret)
    if not hmac.compare_digest(wanted.encode(), offered.signature.encode()):
        raise Unauthenticated("the signature does not match the request")


def sign(message: Message, access_key: str, secret: str, now_ms: int) -> dict[str, str]:
    """Return the headers that make this request a signed one; all headers that it has are signed with it."""
    date = strftime(_DATE_FORMAT, gmtime(now_ms // 1000))
    headers = [*message.headers, (b"x-sdk-date", date.encode())]
    dated = replace(message, headers=headers)
    signed = tuple(sorted({name.decode() for name, _ in headers}))
    proof = _signature(dated, signed, secret)
    value = f"{ALGORITHM} Access={access_key}, SignedHeaders={';'.join(signed)}, Signature={proof}"
    return {"X-Sdk-Date": date, "Authorization": value}


def _signature(message: Message, signed: Sequence[str], secret: str) -> str:
    canonical = hashlib.sha256(_canonical_request(message, signed)).hexdigest()
    to_sign = b"\n".join([ALGORITHM.encode(), message.values("x-sdk-date")[0], canonical.encode()])
    return hmac.new(secret.encode(), to_sign, hashlib.sha256).hexdigest()


def _canonical_request(message: Message, signed: Sequence[str]) -> bytes:
    path, _, query = message.target.partition(b"?")
    parts = [
        message.method.upper().encode(),
        _canonical_path(path).encode(),
        _canonical_query(query).encode(),
        b"".join(_canonical_header(message, name) for name in signed),
        ";".join(signed).encode(),
        message.digest.encode(),
    ]
    return b"\n".join(parts)


def _canonical_path(path: bytes) -> str:
    # The clients decode the whole path before they split it, so an encoded slash counts as a slash.
    escaped = quote(unquote_to_bytes(path))
    return escaped if escaped.endswith("/") else f"{escaped}/"


def _canonical_query(query: bytes) -> str:
    pairs = [pair.replace(b"+", b" ").partition(b"=") for pair in query.split(b"&") if pair]
    decoded = sorted((unquote_to_bytes(name), unquote_to_bytes(value)) for name, _, value in pairs)
    return "&".join(f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in decoded)


def _canonical_header(message: Message, name: str) -> bytes:
    """Give one line for each value in byte order; a signed header that is missing counts as empty."""
    values = sorted(message.values(name)) or [b""]
    return b"".join(name.encode() + b":" + value + b"\n" for value in values)


def _seconds(date: bytes) -> int:
    if not _DATE.fullmatch(date):
        raise Unauthenticated("X-Sdk-Date must be written YYYYMMDDTHHMMSSZ")
    try:
        return timegm(strptime(date.decode(), _DATE_FORMAT))
    except ValueError:
        raise Unauthenticated("X-Sdk-Date names no such day or time") from None
