"""The page of who is answered what: every operation, by role, and for objects of other projects."""

import re

from penstock.domain.roles import ALLOWED, Role
from penstock.server import refused
from penstock.server.operation import Operation

OUTSIDE = "403 `APIGW.0302`"
"""What is answered in a project that the caller is no member of, and to a role that may not."""

_HEAD = """\
# Who is answered what

Every operation in a project. *Yes* means that the role may call it. To a role that may not, and for every role in a
project that it is no member of, the answer is 403 `APIGW.0302`. The last column is the answer of an operation whose
path names an object (a job, a queue, a package, …) of another project: the same as if there were none.
[Permissions](../how-to/permissions.md) says what the roles are for. A test makes all these calls.

"""
_MISSING = {
    "job_id": "400 `DLI.16001`",
    "queue_name": "400 `DLI.0002`",
    "template_id": "400 `DLI.0002`",
    "flink_job_id": "400 `DLI.0002`",
    "name": "404 `DLI.0002`",
    "access_key": "400 `DLI.0002`",
    "user_name": "400 `DLI.0002`",
}
"""By what a path names."""
OWN = "there are only its own"
_OTHERWISE = {
    **dict.fromkeys(("put_package", "put_grouped_package", "put_member", "list_queues_of_pool"), OWN),
    **{each.name: "400 `DLI.0007`" for each in refused.OPERATIONS},
    "join_pool": "400 `DLI.0002`",
    "import_savepoint": "400 `DLI.0002`",  # the state is looked for first
    **{f"{verb}_job_tags": "400 `DLI.16001`" for verb in ("show", "add", "remove")},
    **{f"{verb}_queue_tags": "400 `DLI.0002`" for verb in ("show", "add", "remove")},
    **{f"{verb}_package_tags": "404 `DLI.0002`" for verb in ("show", "add", "remove")},
}
"""By operation."""


def objects(operation: Operation) -> list[str]:
    """Give what the path names besides the project."""
    return [name for name in re.findall(r"{(\w+)}", operation.path) if name != "project_id"]


def of_foreign(operation: Operation) -> str:
    """Say what is answered for objects of another project; raises `KeyError` for those not thought of."""
    named = objects(operation)
    return _OTHERWISE.get(operation.name) or (_MISSING[named[0]] if named else "–")


def page(operations: tuple[Operation, ...]) -> str:
    head = f"| operation | needs | {' | '.join(Role)} | of another project |"
    lines = [head, "|---" * (3 + len(Role)) + "|"]
    for each in operations:
        if each.action is not None:
            may = " | ".join("yes" if each.action in ALLOWED[role] else "–" for role in Role)
            lines.append(f"| `{each.name}` | `{each.action}` | {may} | {of_foreign(each)} |")
    return _HEAD + "\n".join(lines) + "\n"
