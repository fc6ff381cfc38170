"""What can go wrong with a request, in the domain's words; `dli/errors.py` gives each its code on the wire."""


class PenstockError(Exception):
    """Root of every error that a caller can be told about; its text is meant for them."""


class Invalid(PenstockError):
    """A value is malformed or out of range."""


class JobNotFound(PenstockError):
    """The project has no such job, or it was deleted."""


class NotFound(PenstockError):
    """An object that the request names (queue, bucket, savepoint) does not exist."""


class PackageNotFound(PenstockError):
    """The project has no such package."""


class TokenNotFound(PenstockError):
    """The caller has no such token."""


class AlreadyExists(PenstockError):
    """The name is taken."""


class QuotaExceeded(PenstockError):
    """The project has as many of something as it may."""


class StorageUnavailable(PenstockError):
    """A bucket cannot be used just now."""


class NotAllowed(PenstockError):
    """The call is not possible in the job's present status, or not supported at all."""


class NotChangeable(NotAllowed):
    """A setting of an active job that only a stopped one can change."""

    def __init__(self, job: str, settings: frozenset[str], changeable: frozenset[str]) -> None:
        super().__init__(f"{job}; until it is stopped {sorted(settings)} cannot change")
        self.job = job
        self.settings = settings
        self.changeable = changeable


class NotReady(PenstockError):
    """It would do later, or elsewhere: what is asked of Flink cannot be asked now, or not here."""


class TooMany(PenstockError):
    """As many calls of the kind are being served as can be at once."""

    retry_after_s = 10


class NoQueue(PenstockError):
    """A run was asked for without a queue, and there is no default one."""


class Unauthenticated(PenstockError):
    """The caller could not prove who it is."""


class Forbidden(PenstockError):
    """The caller is known, and may not do this."""
