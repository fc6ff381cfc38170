"""`penstock packages`: list, upload, remove."""

from pathlib import Path

from penstock.cli import connection, tables
from penstock.cli.failure import fail

_LIST: tables.Columns = {
    "group": "group_name",
    "name": "resource_name",
    "kind": "resource_type",
    "bytes": lambda package: str(package["size"]),
    "owner": "owner",
    "changed (UTC)": lambda package: tables.time(package["update_time"]),
    "sha256": lambda package: package["sha256"][:12],
}


def show_list(*, as_json: bool) -> None:
    with connection.opened() as client:
        packages = client.list_packages()
    tables.show(packages, _LIST, as_json=as_json)


def upload(file: Path, group: str, name: str) -> None:
    try:
        with connection.opened() as client:
            stored = client.put_package(file, name, group)
    except OSError as error:
        fail(f"cannot read {file}: {error.strerror}")
    print(f"stored {_told(name, group)}: {stored['size']} bytes, sha256 {stored['sha256']}")


def remove(name: str, group: str) -> None:
    with connection.opened() as client:
        client.delete_package(name, group)
    print(f"removed {_told(name, group)}")


def _told(name: str, group: str) -> str:
    return f"{group}/{name}" if group else name
