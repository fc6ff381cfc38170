"""The calls of IAM that DLI's clients make, in its words (IAM: token management, project management).

There is one domain, and every name of a domain that a client gives means it.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from penstock.domain.errors import Invalid

DOMAIN_ID = "default"
_DOMAIN_NAME = "Default"
Name = Annotated[str, Meta(min_length=1, max_length=128)]
Secret = Annotated[str, Meta(min_length=1, max_length=128)]


class User(msgspec.Struct):
    """Who, by name or by id."""

    password: Secret
    name: Name | None = None
    id: Name | None = None


class Password(msgspec.Struct):
    user: User


class Half(msgspec.Struct):
    key: Secret


class AccessKey(msgspec.Struct):
    access: Half
    secret: Half


class Identity(msgspec.Struct):
    methods: Annotated[list[Literal["password", "hw_ak_sk"]], Meta(min_length=1, max_length=1)]
    password: Password | None = None
    hw_ak_sk: AccessKey | None = None

    @property
    def proof(self) -> Password | AccessKey:
        """Give what the method asks for; raises `Invalid`."""
        [method] = self.methods
        proof = self.password if method == "password" else self.hw_ak_sk
        if proof is None:
            raise Invalid(f"auth.identity.{method} must be given, as auth.identity.methods names it")
        return proof


class Named(msgspec.Struct):
    """By name or by id."""

    name: Name | None = None
    id: Name | None = None


class Scope(msgspec.Struct):
    project: Named | None = None
    """A domain, or nothing: the token is good for no project."""


class Auth(msgspec.Struct):
    identity: Identity
    scope: Scope | None = None


class CreateTokenBody(msgspec.Struct):
    auth: Auth


class ProjectsQuery(msgspec.Struct):
    name: str | None = None


class Domain(msgspec.Struct):
    id: str = DOMAIN_ID
    name: str = _DOMAIN_NAME


class Links(msgspec.Struct):
    self: str = ""
    next: str | None = None
    previous: str | None = None


class ShownDomain(Domain):
    enabled: bool = True
    description: str = ""


class Domains(msgspec.Struct, kw_only=True):
    domains: Sequence[ShownDomain]
    links: Links = msgspec.field(default_factory=Links)


class Project(msgspec.Struct):
    id: str
    name: str
    domain_id: str = DOMAIN_ID
    parent_id: str = DOMAIN_ID
    is_domain: bool = False
    enabled: bool = True
    description: str = ""


class Projects(msgspec.Struct, kw_only=True):
    projects: Sequence[Project]
    links: Links = msgspec.field(default_factory=Links)


class TokenUser(msgspec.Struct, kw_only=True):
    id: str
    name: str
    domain: Domain = msgspec.field(default_factory=Domain)
    password_expires_at: str = ""


class TokenProject(msgspec.Struct, kw_only=True):
    id: str
    name: str
    domain: Domain = msgspec.field(default_factory=Domain)


class TokenRole(msgspec.Struct):
    id: str
    name: str


class Token(msgspec.Struct, kw_only=True, omit_defaults=True):
    methods: Sequence[str]
    user: TokenUser
    issued_at: str
    expires_at: str
    roles: Sequence[TokenRole]
    catalog: Sequence[str]
    """Empty: clients are told where the service is."""
    project: TokenProject | None = None
    domain: Domain | None = None
    """Where there is no project."""


class Told(msgspec.Struct):
    token: Token


def time(ms: int) -> str:
    """Write a time as IAM does."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
