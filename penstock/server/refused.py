"""Calls on queues that DLI has and this service refuses: each says why, and what to do instead."""

from penstock.dli import queues as wire
from penstock.domain.errors import NotAllowed
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.operation import Context, Operation

_QUEUE = "/v1.0/{project_id}/queues/{queue_name}"
_AUTHORIZATION = "/v1.0/{project_id}/queues/user-authorization"
"""It must come before the queue of that name, which there cannot be."""
_PLANS = "/v1/{project_id}/queues/{queue_name}/plans"
_POLICIES = "/v3/{project_id}/elastic-resource-pools/{pool_name}/queues/{queue_name}"

_NO_NETWORK = "queues have no network of their own"
_NO_PLANS = "queues have no plans: change the size of one with the call `action`"
_NO_PRIVILEGES = "queues have no privileges of single users: the role of a member says what they may do"


def _refusing(method: str, path: str, action: Action, name: str, why: str) -> Operation:
    def refuse(context: Context, call: Call) -> wire.Done:
        raise NotAllowed(f"{name} is not supported: {why}")

    refuse.__doc__ = f"Refused: {why}."
    return operation(method, path, action, refuse, name=name)


OPERATIONS = tuple(
    _refusing(*row)
    for row in (
        ("PUT", _AUTHORIZATION, Action.CHANGE_QUEUES, "authorize_queue", _NO_PRIVILEGES),
        ("GET", f"{_QUEUE}/users", Action.READ_QUEUES, "list_queue_users", _NO_PRIVILEGES),
        ("PUT", _QUEUE, Action.CHANGE_QUEUES, "update_queue_cidr", _NO_NETWORK),
        ("POST", f"{_QUEUE}/connection-test", Action.CHANGE_QUEUES, "test_connection", _NO_NETWORK),
        ("GET", f"{_QUEUE}/connection-test/{{task_id}}", Action.READ_QUEUES, "show_connection_test", _NO_NETWORK),
        ("GET", _PLANS, Action.READ_QUEUES, "list_queue_plans", _NO_PLANS),
        ("POST", _PLANS, Action.CHANGE_QUEUES, "create_queue_plan", _NO_PLANS),
        ("POST", f"{_PLANS}/batch-delete", Action.CHANGE_QUEUES, "delete_queue_plans", _NO_PLANS),
        ("PUT", f"{_PLANS}/{{plan_id}}", Action.CHANGE_QUEUES, "update_queue_plan", _NO_PLANS),
        ("DELETE", f"{_PLANS}/{{plan_id}}", Action.CHANGE_QUEUES, "delete_queue_plan", _NO_PLANS),
        ("PUT", _POLICIES, Action.CHANGE_QUEUES, "update_queue_policies", _NO_PLANS),
    )
)
