"""A wire to a TCP port that can be cut and joined: what lies between a service and somebody else's Flink."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Wire:
    """Listens on a port of its own on the loopback, joined at first; what comes in goes to the target's port."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._carrying: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wire")
        self._thread.start()
        self._server = self._do(self._listen(0))
        self.port: int = self._server.sockets[0].getsockname()[1]

    def cut(self) -> None:
        """Break every connection, and refuse new ones."""
        self._do(self._cut())

    def join(self) -> None:
        if not self._server.is_serving():
            self._server = self._do(self._listen(self.port))

    def close(self) -> None:
        self.cut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    async def _listen(self, port: int) -> asyncio.Server:
        return await asyncio.start_server(self._carry, "127.0.0.1", port)

    async def _cut(self) -> None:
        self._server.close()
        while self._carrying:
            for writer in self._carrying:
                writer.transport.abort()
            await asyncio.sleep(0.01)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.ExitStack() as ends:
            self._hold(writer, ends)
            with contextlib.suppress(OSError):
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
                self._hold(far_writer, ends)
                await asyncio.gather(_pump(reader, far_writer), _pump(far_reader, writer))

    def _hold(self, writer: asyncio.StreamWriter, ends: contextlib.ExitStack) -> None:
        self._carrying.add(writer)
        ends.callback(self._carrying.discard, writer)
        ends.callback(writer.close)


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one direction to its end, and end the other side's with it."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
