"""Who may do what in a project, in DLI's terms (DLI: permission policies and supported actions)."""

from enum import StrEnum


class Action(StrEnum):
    """What a call needs; `dli:` as DLI names it, `penstock:` where DLI has no such call."""

    LIST_JOBS = "dli:jobs:listAll"
    GET_JOB = "dli:jobs:get"
    CREATE_JOB = "dli:jobs:create"
    UPDATE_JOB = "dli:jobs:update"
    START_JOB = "dli:jobs:start"
    STOP_JOB = "dli:jobs:stop"
    DELETE_JOB = "dli:jobs:delete"
    EXPORT_JOBS = "dli:jobs:export"
    READ_TEMPLATES = "dli:template:list"
    CHANGE_TEMPLATES = "dli:template:update"
    READ_PACKAGES = "dli:resource:getResource"
    CHANGE_PACKAGES = "dli:resource:updateResource"
    READ_QUEUES = "dli:queue:list"
    CHANGE_QUEUES = "dli:queue:update"
    USE_BUCKETS = "dli:jobs:authorizeBucket"
    READ_HISTORY = "penstock:history:get"
    READ_LOGS = "penstock:logs:get"
    READ_ORPHANS = "penstock:orphans:list"
    CHANGE_ORPHANS = "penstock:orphans:update"
    READ_MEMBERS = "penstock:members:list"
    CHANGE_MEMBERS = "penstock:members:update"
    READ_KEYS = "penstock:keys:list"
    CHANGE_KEYS = "penstock:keys:update"
    READ_AUDIT = "penstock:audit:list"


class Role(StrEnum):
    """What a member of a project is there."""

    READER = "reader"
    OPERATOR = "operator"
    ADMIN = "admin"


_READER = {
    Action.LIST_JOBS,
    Action.GET_JOB,
    Action.READ_TEMPLATES,
    Action.READ_PACKAGES,
    Action.READ_QUEUES,
    Action.READ_HISTORY,
    Action.READ_LOGS,
    Action.READ_ORPHANS,
    Action.READ_MEMBERS,
    Action.READ_KEYS,
    Action.CHANGE_KEYS,
}
_FOR_ADMINS = {Action.CHANGE_QUEUES, Action.CHANGE_ORPHANS, Action.CHANGE_MEMBERS, Action.READ_AUDIT}
ALLOWED = {
    Role.READER: frozenset(_READER),
    Role.OPERATOR: frozenset(Action) - _FOR_ADMINS,
    Role.ADMIN: frozenset(Action),
}
