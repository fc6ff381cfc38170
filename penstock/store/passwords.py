"""Passwords at rest: scrypt with a salt each, so slow that guessing does not pay."""

import base64
import hashlib
import hmac
import secrets
import threading

_COST, _BLOCK, _PASSES = 1 << 14, 8, 5
"""16 MiB and about a tenth of a second each."""
_MOST_MEMORY = 64 << 20
_MOST_AT_ONCE = 4
_turns = threading.BoundedSemaphore(_MOST_AT_ONCE)


class Busy(Exception):
    """So many passwords are being checked that one more would take memory and processor from the rest."""


def hashed(password: str) -> str:
    """Make what is stored of a password: the method, what it costs, the salt and the hash."""
    salt = secrets.token_bytes(16)
    return _stored(salt, _scrypt(password, salt, _COST, _BLOCK, _PASSES))


def is_right(password: str, stored: str | None) -> bool:
    """Compare with what is stored; as slow where there is none. Raises `Busy`."""
    if not _turns.acquire(blocking=False):
        raise Busy
    try:
        _, cost, block, passes, salt, wanted = (stored or _NOBODYS).split("$")
        given = _scrypt(password, _bytes(salt), int(cost), int(block), int(passes))
        return hmac.compare_digest(given, _bytes(wanted)) and stored is not None
    finally:
        _turns.release()


def _scrypt(password: str, salt: bytes, cost: int, block: int, passes: int) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=cost, r=block, p=passes, maxmem=_MOST_MEMORY, dklen=32)


def _stored(salt: bytes, made: bytes) -> str:
    return f"scrypt${_COST}${_BLOCK}${_PASSES}${_text(salt)}${_text(made)}"


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)


_NOBODYS = _stored(bytes(16), bytes(32))
