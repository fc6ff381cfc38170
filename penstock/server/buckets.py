"""Buckets: authorize. There is nothing to authorize here: what may be used stands in the storage map."""

from penstock.dli import buckets as wire
from penstock.dli import encoding
from penstock.domain import bucket
from penstock.domain.errors import NotFound
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.operation import Context


def authorize_buckets(context: Context, call: Call, body: wire.AuthorizeBody) -> wire.Authorized:
    """Say that the buckets can be used; Terraform asks before it creates a job, and fails unless they all can."""
    with encoding.naming("obs_buckets"):
        names = [bucket.check_name(name) for name in body.obs_buckets]
    unknown = [name for name in names if not context.knows_bucket(call.project_id, name)]
    if unknown:
        raise NotFound(f"obs_buckets: the storage map does not name {', '.join(map(repr, unknown))}")
    return wire.Authorized("The buckets can be used.")


OPERATIONS = (operation("POST", "/v1.0/{project_id}/dli/obs-authorize", Action.USE_BUCKETS, authorize_buckets),)
