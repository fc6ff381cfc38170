"""Buckets on the wire: the call by which clients make sure that the service may use them."""

from typing import Annotated

import msgspec
from msgspec import Meta


class AuthorizeBody(msgspec.Struct):
    obs_buckets: Annotated[list[Annotated[str, Meta(max_length=63)]], Meta(max_length=100)]


class Authorized(msgspec.Struct):
    message: str
    is_success: str = "true"
