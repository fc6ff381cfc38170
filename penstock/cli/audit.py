"""`penstock audit`, on the data directory."""

import json
from dataclasses import asdict

from sqlalchemy import Connection

from penstock.cli import access, tables
from penstock.settings import Settings
from penstock.store import audit, members

_NEWEST = 100
_COLUMNS: tables.Columns = {
    "time": lambda entry: tables.time(entry["at"]),
    "user": "user_name",
    "credential": "credential",
    "address": "address",
    "operation": "operation",
    "target": "target",
    "status": lambda entry: f"{entry['status']} {entry['error_code']}".rstrip(),
}


def show(settings: Settings, project: str | None) -> None:
    """Show the newest entries."""
    with access.opened(settings) as storage, storage.database.read() as tx:
        found = audit.page(tx, _project_id(tx, project), None, _NEWEST)
    tables.show([asdict(entry) for entry in found], _COLUMNS, as_json=False)


def export(settings: Settings, project: str | None) -> None:
    """Print all entries, a JSON object a line, the oldest first."""
    with access.opened(settings) as storage:
        with storage.database.read() as tx:
            project_id = _project_id(tx, project)
        for entry in audit.everything(storage.database, project_id):
            print(json.dumps(asdict(entry), ensure_ascii=False))


def _project_id(tx: Connection, name: str | None) -> str | None:
    return members.find_project(tx, name).id if name is not None else None
