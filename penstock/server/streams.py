"""Bodies that are read while they arrive: how many at once, and for how long.

Each keeps a thread waiting for its caller. The threads are their own, so that slow callers are in nobody's way.
"""

import asyncio
from collections.abc import Callable, Iterator

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request

from penstock.dli.errors import BodyTooSlow, TooManyStreams
from penstock.server.operation import Answer, Context


class Streams:
    def __init__(self, context: Context) -> None:
        self._most = context.streams_at_once
        self._patience_s = context.body_patience_s
        self._within_s = context.stream_within_s
        self._threads = CapacityLimiter(self._most)
        self._running = 0

    async def run(self, serve: Callable[[], Answer]) -> Answer:
        """Serve a call in a thread; raises `TooManyStreams` rather than to wait for one."""
        if self._running == self._most:
            raise TooManyStreams(
                f"{self._most} uploads are on their way, and more are not taken at once; ask again"
            )
        self._running += 1
        try:
            return await to_thread.run_sync(serve, limiter=self._threads)
        finally:
            self._running -= 1

    def chunks(self, request: Request) -> Iterator[bytes]:
        """Give the parts of the body to a thread, each as soon as it has arrived; raises `BodyTooSlow`."""
        parts, loop = request.stream(), asyncio.get_running_loop()
        ends = loop.time() + self._within_s

        async def following() -> bytes | None:
            left_s = ends - loop.time()
            try:
                async with asyncio.timeout(min(self._patience_s, left_s)):
                    return await anext(parts, None)
            except TimeoutError:
                if left_s < self._patience_s:
                    raise BodyTooSlow(f"the body must arrive within {self._within_s} s") from None
                raise BodyTooSlow(f"nothing of the body has arrived for {self._patience_s} s") from None

        return iter(lambda: asyncio.run_coroutine_threadsafe(following(), loop).result(), None)
