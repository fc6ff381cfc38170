"""Quotas on the wire (DLI: show quotas): what a project uses; nothing of it is limited."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from penstock.domain.queue import Queue

NO_LIMIT = -1


class Quota(msgspec.Struct):
    type: str
    used: int
    min: int = 0
    max: int = NO_LIMIT
    quota: int = NO_LIMIT


class Quotas(msgspec.Struct):
    resources: Sequence[Quota]


class Shown(msgspec.Struct):
    quotas: Quotas
    is_success: bool = True


def shown(queues: Iterable[Queue], packages: int) -> Shown:
    own = [queue for queue in queues if queue.project_id is not None]
    used: Mapping[str, int] = {
        "CU": sum(queue.cus for queue in own),
        "QUEUE": len(own),
        "SL_PKG_RESOURCE": packages,
    }
    return Shown(Quotas([Quota(type, count) for type, count in used.items()]))
