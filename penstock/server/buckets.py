"""Buckets: authorize. There is nothing to authorize here: what may be used stands in the storage map."""

from penstock.dli import buckets as wire
from penstock.dli import encoding
from penstock.domain import bucket
from penstock.domain.errors import NotFound
from penstock.server.auth import Call, signed
from penstock.server.operation import Answer, Context, Operation, json


def authorize_buckets(context: Context, call: Call) -> Answer:
    """Say that the buckets can be used; Terraform asks before it creates a job, and fails unless they all can."""
    body = encoding.read_body(call.body, wire.AuthorizeBody)
    with encoding.naming("obs_buckets"):
        names = [bucket.check_name(name) for name in body.obs_buckets]
    unknown = [name for name in names if not context.knows_bucket(name)]
    if unknown:
        raise NotFound(f"obs_buckets: the storage map does not name {', '.join(map(repr, unknown))}")
    return json(wire.Authorized("The buckets can be used."))


OPERATIONS = (
    Operation("authorize_buckets", "POST", "/v1.0/{project_id}/dli/obs-authorize", signed(authorize_buckets)),
)
