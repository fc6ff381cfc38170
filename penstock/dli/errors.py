"""What a failure looks like on the wire: the only place that knows codes and HTTP statuses (DLI: error codes)."""

from dataclasses import dataclass

import msgspec

from penstock.dli import config
from penstock.domain import errors


@dataclass(frozen=True)
class Kind:
    """An HTTP status and the error code that goes with it."""

    status: int
    code: str
    preamble: str = ""


class Failure(msgspec.Struct, omit_defaults=True):
    error_code: str
    error_msg: str
    request_id: str = ""
    """Of the gateway's errors and of unexpected ones."""


class Unreadable(errors.PenstockError):
    """What came is not a request of HTTP."""


class HeadTooLarge(errors.PenstockError):
    """Path, query and headers are larger than the service takes."""


class UnknownPath(errors.PenstockError):
    """There is no such path, or it does not take this method."""


class BodyTooLarge(errors.PenstockError):
    """The body is larger than the service takes."""


class BodyTooSlow(errors.PenstockError):
    """The body does not arrive."""


class HeadTooSlow(errors.PenstockError):
    """Path, query and headers do not arrive."""


class TooManyStreams(errors.TooMany):
    """As many bodies as can be read while they arrive are on their way."""


class TooManyConnections(errors.TooMany):
    """As many connections as are served are open."""


class TooManyCalls(errors.TooMany):
    """A caller asks more often than it may."""

    retry_after_s = 1


UNEXPECTED = Kind(500, "DLI.0999")
_KINDS: dict[type[Exception], Kind] = {
    errors.Invalid: Kind(400, "DLI.0001"),
    errors.NotFound: Kind(400, "DLI.0002"),
    errors.PackageNotFound: Kind(404, "DLI.0002"),  # Terraform takes 404 for "gone"
    errors.TokenNotFound: Kind(404, "DLI.0023"),
    errors.AlreadyExists: Kind(400, "DLI.0006"),
    errors.NotAllowed: Kind(400, "DLI.0007"),
    errors.NotChangeable: Kind(400, "DLI.0007"),
    errors.StorageUnavailable: Kind(400, "DLI.0012"),
    errors.QuotaExceeded: Kind(400, "DLI.1028"),
    errors.NotReady: Kind(400, "DLI.0007"),
    errors.TooMany: Kind(429, "APIGW.0308"),
    errors.NoQueue: Kind(400, "DLI.13024"),
    errors.JobNotFound: Kind(400, "DLI.16001"),
    UnknownPath: Kind(404, "APIGW.0101"),
    Unreadable: Kind(400, "APIGW.0201"),
    BodyTooSlow: Kind(408, "APIGW.0201"),
    BodyTooLarge: Kind(413, "APIGW.0201"),
    HeadTooLarge: Kind(431, "APIGW.0201"),
    HeadTooSlow: Kind(408, "APIGW.0201"),
    TooManyStreams: Kind(429, "APIGW.0308"),
    TooManyConnections: Kind(429, "APIGW.0308"),
    TooManyCalls: Kind(429, "APIGW.0308"),
    errors.Unauthenticated: Kind(401, "APIGW.0301", "Incorrect IAM authentication information: "),
    errors.Forbidden: Kind(403, "APIGW.0302"),
}


def failure(error: Exception, request_id: str = "") -> tuple[int, Failure]:
    """Give status and body; of an error that is not meant for the caller nothing but the request id is told."""
    kind = _KINDS.get(type(error), UNEXPECTED)
    if kind is UNEXPECTED:
        return kind.status, Failure(kind.code, "The service met an unexpected error.", request_id)
    shown = request_id if kind.code.startswith("APIGW.") else ""
    return kind.status, Failure(kind.code, f"{kind.preamble}{_text(error)}", shown)


def headers(error: Exception) -> dict[str, str]:
    """Say when to ask again, and that what still comes is not another request."""
    retry = {"Retry-After": str(error.retry_after_s)} if isinstance(error, errors.TooMany) else {}
    closes = isinstance(error, TooManyStreams | TooManyConnections | BodyTooSlow | HeadTooSlow)
    return retry | ({"Connection": "close"} if closes else {})


def _text(error: Exception) -> str:
    if not isinstance(error, errors.NotChangeable):
        return str(error)
    fixed, changeable = config.wire_names(error.settings), config.wire_names(error.changeable)
    return f"{error.job}; until it is stopped, only {', '.join(changeable)} can change, not {', '.join(fixed)}"
