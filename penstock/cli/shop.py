"""The shop of the demo: visits that keep arriving as files, and the shop's own count to hold Flink's against."""

import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

_OPENED = datetime(2026, 1, 1)
_FILE_EVERY_S = 0.25
_SHOP_TIME_OF_A_FILE = timedelta(seconds=10)
"""The shop's clock runs 40 times faster than ours, so that its minutes pass while one watches."""
_PAGES = ("/home", "/shoes", "/cart")


class Shop:
    """Writes a file of visits every quarter of a second while it is open."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._random = random.Random(7)  # noqa: S311 - visitors, not secrets
        self._visits: Counter[tuple[str, int]] = Counter()
        self._files = 0
        self._open = threading.Event()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._trade, daemon=True)

    def open(self) -> None:
        self._open.set()
        if not self._thread.is_alive():
            self._thread.start()

    def pause(self) -> None:
        self._open.clear()

    def close(self) -> None:
        self._closed.set()
        self._open.set()
        if self._thread.is_alive():
            self._thread.join()

    def total(self, page: str, before: str) -> int:
        """Count the visits of a page before a time as Flink writes it (`2026-01-01 00:01:00`)."""
        passed = datetime.fromisoformat(before) - _OPENED
        return sum(self._visits[page, file] for file in range(passed // _SHOP_TIME_OF_A_FILE))

    def _trade(self) -> None:
        while not self._closed.wait(_FILE_EVERY_S):
            self._open.wait()
            self._write_file()

    def _write_file(self) -> None:
        at = (_OPENED + self._files * _SHOP_TIME_OF_A_FILE).isoformat(" ")
        pages = self._random.choices(_PAGES, weights=(5, 3, 2), k=self._random.randint(5, 20))
        for page in pages:
            self._visits[page, self._files] += 1
        # Flink passes over names with a leading dot: it sees the file once it is whole.
        partial = self._folder / f".{self._files:06}.json"
        partial.write_text("".join(json.dumps({"page": page, "visited": at}) + "\n" for page in pages))
        partial.rename(self._folder / f"{self._files:06}.json")
        self._files += 1


def counted(folder: Path) -> list[dict[str, str | int]]:
    """Read the rows that Flink has completed, in the order of their minutes."""
    rows = [row for file in folder.rglob("part-*") if file.name[0] not in "._" for row in _rows(file)]
    return sorted(rows, key=lambda row: (str(row["until"]), str(row["page"])))


def _rows(file: Path) -> Iterator[dict[str, str | int]]:
    with file.open() as lines:
        for line in lines:
            yield json.loads(line)
