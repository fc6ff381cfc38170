"""Quotas: what a project uses."""

from penstock.dli import quotas as wire
from penstock.domain.roles import Action
from penstock.server.auth import Call, operation
from penstock.server.operation import Context
from penstock.store import packages, queues


def show_quotas(context: Context, call: Call) -> wire.Shown:
    with context.database.read() as tx:
        used = len(packages.of_project(tx, call.project_id))
        return wire.shown(queues.visible(tx, call.project_id), used)


OPERATIONS = (operation("GET", "/v3/{project_id}/quotas", Action.READ_QUEUES, show_quotas),)
