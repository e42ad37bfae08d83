"""Server-sent events: one watcher per study, shared by all its pages and closed with the last."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from makeweight.errors import MakeweightError
from makeweight.web.answers import to_json
from makeweight.web.watch import Event, Watch

LOOK_SECONDS = 0.2
BEAT_SECONDS = 15.0  # between comments, which reveal clients that have gone
RETRY_MS = 1_000  # after which a browser tries again
MAX_WAITING = 200  # events queued for a slow page; beyond that it gets everything anew


class Channel:
    """One study's watcher and its listeners."""

    def __init__(self, folder: Path, thread: ThreadPoolExecutor) -> None:
        self._folder, self._thread = folder, thread
        self.listeners: set[asyncio.Queue[bytes | None]] = set()
        self._ready = asyncio.Lock()
        self._watch: Watch | None = None
        self._task: asyncio.Task[None] | None = None

    async def listen(self) -> AsyncIterator[bytes]:
        """Yield the whole study, then every change, as lines of an event stream."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(MAX_WAITING)
        self.listeners.add(queue)
        try:
            async with self._ready:
                if self._task is None or self._task.done():
                    await self._start()
            yield f"retry: {RETRY_MS}\n\n".encode() + await self._whole()
            while True:
                try:
                    async with asyncio.timeout(BEAT_SECONDS):
                        part = await queue.get()
                except TimeoutError:
                    part = b": still here\n\n"
                if part is None:
                    return
                yield part if not queue.full() else await self._anew(queue)
        finally:
            self.listeners.discard(queue)
            if not self.listeners and self._task is not None:
                self._task.cancel()
                self._task = None

    def close(self) -> None:
        """Let all listeners go."""
        for queue in self.listeners:
            while not queue.empty():
                queue.get_nowait()
            queue.put_nowait(None)

    async def _start(self) -> None:
        loop = asyncio.get_running_loop()
        self._watch = await loop.run_in_executor(self._thread, Watch, self._folder)
        self._task = loop.create_task(self._run(self._watch))

    async def _run(self, watch: Watch) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                await asyncio.sleep(LOOK_SECONDS)
                self._tell(await loop.run_in_executor(self._thread, watch.look))
        except MakeweightError as error:  # the store has gone; a page that reconnects gets the error
            self._tell([("problem", str(error))])
            self.close()
        finally:
            loop.run_in_executor(self._thread, watch.close)

    def _tell(self, events: list[Event]) -> None:
        for event in events:
            lines = as_lines(event)
            for queue in self.listeners:
                if not queue.full():
                    queue.put_nowait(lines)

    async def _whole(self) -> bytes:
        watch = self._watch
        if watch is None:
            raise RuntimeError("the watcher has not started")
        return await asyncio.get_running_loop().run_in_executor(self._thread, lambda: as_lines(watch.whole()))

    async def _anew(self, queue: asyncio.Queue[bytes | None]) -> bytes:
        while not queue.empty():
            if queue.get_nowait() is None:
                queue.put_nowait(None)
                break
        return await self._whole()


class Hub:
    """The channels of all studies that are being watched."""

    def __init__(self) -> None:
        self._channels: dict[Path, Channel] = {}
        self._thread = ThreadPoolExecutor(1, "watch")  # SQLite's connections stay in their thread

    async def listen(self, folder: Path) -> AsyncIterator[bytes]:
        """Yield a study's event stream."""
        channel = self._channels.setdefault(folder, Channel(folder, self._thread))
        try:
            async for part in channel.listen():
                yield part
        finally:
            if not channel.listeners:
                self._channels.pop(folder, None)

    def close(self) -> None:
        """End all streams, so that the server can stop."""
        for channel in list(self._channels.values()):
            channel.close()


def as_lines(event: Event) -> bytes:
    """Write an event in the format of the stream; our JSON has no line breaks."""
    name, content = event
    return b"event: " + name.encode() + b"\ndata: " + to_json(content) + b"\n\n"
