"""Turns the places that Flink names back into addresses, and keeps paths of the host and keys out of its texts."""

import re
from pathlib import Path

from penstock.domain import bucket
from penstock.domain.errors import Invalid
from penstock.flink.storage_map import Home, InFolder, OnServer, StorageMap

_ANY_BUCKET = "([a-z0-9.-]+)"


class Addresses:
    """What is known of where buckets lie; `beside` is the folder whose own path nobody is told."""

    def __init__(self, storage: StorageMap, beside: Path) -> None:
        homes = [(home, f"obs://{name}/") for name, home in storage.homes.items()]
        if storage.default is not None:
            homes.append((storage.default, "obs://"))
        homes.sort(key=lambda each: len(_text(each[0])), reverse=True)  # one place may lie within another
        self._rules = [_rule(*each) for each in homes]
        self._beside = re.compile(_below(beside))
        keys = {
            key for home, _ in homes if isinstance(home, OnServer) for key in (home.access_key, home.secret_key)
        }
        self._keys = re.compile("|".join(rf"(?<![\w/+-]){re.escape(key)}(?![\w/+-])" for key in keys) or "(?!)")

    def of(self, place: str) -> str | None:
        """Return the address of a path or URI; None when it lies in no bucket."""
        addresses = (pattern.sub(start, place, count=1) for pattern, start in self._rules if pattern.match(place))
        try:
            return next(map(bucket.parse, addresses), None)
        except Invalid:  # a program can write where no bucket can be
            return None

    def scrub(self, text: str) -> str:
        """Replace places by addresses and keys by asterisks, and make the paths beside the buckets relative.

        U+0000, which data can bring into a cause and PostgreSQL does not store, becomes U+FFFD.
        """
        for pattern, start in self._rules:
            text = pattern.sub(start, text)
        return self._keys.sub("***", self._beside.sub("", text)).replace("\0", "\N{REPLACEMENT CHARACTER}")


def _rule(home: Home, start: str) -> tuple[re.Pattern[str], str]:
    if isinstance(home, InFolder):
        return re.compile(_below(home.folder)), start
    name, start = (re.escape(home.bucket), start) if home.bucket else (_ANY_BUCKET, r"obs://\1/")
    prefix = f"{re.escape(home.prefix)}/" if home.prefix else ""
    return re.compile(rf"s3a?://{name}/{prefix}"), start


def _below(folder: Path) -> str:
    return rf"(?:file:(?://)?)?{re.escape(str(folder))}(?:/|(?![\w.-]))"


def _text(home: Home) -> str:
    return str(home.folder) if isinstance(home, InFolder) else f"{home.bucket}/{home.prefix}"
