"""Which part of a list is asked for, where DLI's newer calls have `limit` and `offset`."""

from collections.abc import Sequence
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta

T = TypeVar("T")


class PageQuery(msgspec.Struct):
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000
    offset: Annotated[int, Meta(ge=0, le=2**31 - 1)] = 0

    def cut(self, everything: Sequence[T]) -> Sequence[T]:
        return everything[self.offset :][: self.limit]
