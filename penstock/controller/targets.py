"""Where alarms go: web hooks, mail, chat. Each target is one URL, as Apprise writes it, and can hold secrets."""

import logging
import re
from typing import TYPE_CHECKING
from urllib.parse import unquote

if TYPE_CHECKING:  # it takes most of a second to load, which the first answer shall not wait for
    from apprise.plugins import NotifyBase

logging.getLogger("apprise").propagate = False  # it logs whole URLs; what went wrong is in its results as well

_HOST_IS_NO_SECRET = frozenset({"form", "forms", "json", "jsons", "mailto", "mailtos", "xml", "xmls"})
"""The kinds whose host is one; that of a chat service's URL can be its token."""


class BadTarget(Exception):
    """The URL names no target; the text does not hold it."""


class Undelivered(Exception):
    """The target has not taken a message; the text holds no secret of its URL."""


def send(url: str, title: str, body: str) -> None:
    """Send a message, and wait until the target has taken it; raises `Undelivered` and `BadTarget`."""
    from apprise import Apprise, NotifyFormat, NotifyType

    service = Apprise()
    service.add(_target(url))
    result = service.notify(body, title, notify_type=NotifyType.FAILURE, body_format=NotifyFormat.TEXT)
    if not result:
        said = "; ".join(entry.message for entry in result.logs())
        raise Undelivered(f"{shown(url)} has not taken it: {_without_secrets(said, url)}")


def shown(url: str) -> str:
    """Give as much of a target's URL as is no secret; raises `BadTarget`."""
    kind, target = _kind(url), _target(url)
    if kind not in _HOST_IS_NO_SECRET:
        return f"{kind}://…"
    return f"{kind}://{target.host}" + (f":{target.port}" if target.port else "")


def _kind(url: str) -> str:
    return url.partition("://")[0].lower()


def _target(url: str) -> "NotifyBase":
    from apprise import Apprise, AppriseAsset

    target = Apprise.instantiate(url, asset=AppriseAsset(app_id="Penstock", app_desc="Penstock"))
    if target is None:
        raise BadTarget("the URL names no target, see https://appriseit.com/services/")
    return target


def _without_secrets(said: str, url: str) -> str:
    """Take out whatever is a part of the URL, but for its kind and a host that is no secret."""
    open_parts = {_kind(url)} | ({_target(url).host} if _kind(url) in _HOST_IS_NO_SECRET else set())
    parts = set(re.split(r"[^\w.-]+", f"{url} {unquote(url)}")) - open_parts
    for part in sorted(parts, key=len, reverse=True):
        if len(part) > 3:
            said = said.replace(part, "…")
    return said
