"""Searches, each in a process of its own: the solver holds the interpreter, and a process can be ended at any time."""

from __future__ import annotations

import asyncio
import fcntl
import math
import multiprocessing
import os
import signal
import time
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Literal, NamedTuple
from uuid import uuid4

from orderwing.planning.budget import Budget
from orderwing.planning.fleet.answer import Plan, Score
from orderwing.planning.fleet.exchange import Prepared
from orderwing.planning.fleet.problem import EMPTY, Problem

GRACE_S = 60  # beyond a search's time, for what comes before and after it on a busy machine


class BusyError(Exception):
    """As many searches wait as may."""


class EndingError(Exception):
    """The server ends, and every search with it."""


class Ended(NamedTuple):
    plan: Plan
    bound: Score


@dataclass
class Search:
    """One search and what is known of it."""

    asked: Prepared
    seconds: float
    seed: int
    search_id: str = field(default_factory=lambda: uuid4().hex)
    status: Literal["queued", "running", "done", "failed"] = "queued"
    best: Score | None = None
    plan: Plan | None = None
    bound: Score | None = None
    detail: str | None = None
    began_s: float | None = None
    spent_s: float = 0.0
    process: BaseProcess | None = None
    task: asyncio.Task[None] | None = None
    dropped: bool = False

    def seconds_spent(self) -> float:
        if self.status == "running" and self.began_s is not None:
            return time.monotonic() - self.began_s
        return self.spent_s


class Searches:
    """At most `processes` run at a time and `waiting` wait; the last `kept` that ended are remembered."""

    def __init__(self, processes: int = 2, waiting: int = 16, kept: int = 100) -> None:
        self._most, self._kept = processes + waiting, kept
        self._turn = asyncio.Semaphore(processes)
        self._known: OrderedDict[str, Search] = OrderedDict()
        self._open: dict[str, Search] = {}
        self._ending = False
        self._context = multiprocessing.get_context("forkserver")
        # With the solver loaded once, a search starts in milliseconds.
        self._context.set_forkserver_preload(["orderwing.planning.fleet.solve"])

    @property
    def busy(self) -> bool:
        return len(self._open) >= self._most

    def start(self, asked: Prepared, seconds: float, seed: int) -> Search:
        """Raises BusyError, EndingError."""
        if self._ending:
            raise EndingError
        if self.busy:
            raise BusyError
        search = Search(asked, seconds, seed)
        self._known[search.search_id] = self._open[search.search_id] = search
        search.task = asyncio.create_task(self._run(search))
        search.task.add_done_callback(lambda _: self._over(search))
        return search

    def get(self, search_id: str) -> Search | None:
        return self._known.get(search_id)

    async def drop(self, search: Search) -> None:
        """End it if it is not over, and forget it."""
        self._known.pop(search.search_id, None)
        if search.task is None or search.task.done():
            return
        if not search.dropped:  # a second cancel would disturb what the first began
            search.dropped = search.task.cancel()
        await asyncio.wait([search.task])

    async def close(self, within_s: float = -math.inf) -> None:
        """Begin no more, and end those that have more than `within_s` to go."""
        self._ending = True
        ending = [one for one in self._open.values() if one.seconds - one.seconds_spent() > within_s]
        await asyncio.gather(*map(self.drop, ending))

    def _over(self, search: Search) -> None:
        self._open.pop(search.search_id, None)
        if search.status != "done":
            search.status = "failed"
        search.asked = search.asked._replace(problem=EMPTY)  # a hundred large ones would be gigabytes
        over = [name for name in self._known if name not in self._open]
        for name in over[: max(0, len(over) - self._kept)]:
            del self._known[name]

    async def _run(self, search: Search) -> None:
        async with self._turn:
            search.status, search.began_s = "running", time.monotonic()
            try:
                await self._listen(search)
            finally:
                search.spent_s = time.monotonic() - search.began_s

    async def _listen(self, search: Search) -> None:
        ours, theirs = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=_search, args=(theirs, search.asked.problem, search.seconds, search.seed), daemon=True
        )
        loop = asyncio.get_running_loop()
        starting = asyncio.create_task(asyncio.to_thread(process.start))
        try:
            await asyncio.shield(starting)  # a thread cannot be cancelled: the process would be nobody's
            theirs.close()
            told: asyncio.Queue[object] = asyncio.Queue()
            loop.add_reader(ours.fileno(), _receive, ours, told)
            try:
                async with asyncio.timeout(search.seconds + GRACE_S):
                    while search.plan is None and search.detail is None:
                        _take(search, await told.get())
            except TimeoutError:
                search.detail = "the search did not end in its time"
            finally:
                loop.remove_reader(ours.fileno())
        except OSError as error:
            search.detail = f"the search could not be started ({error.strerror})"
        finally:
            await asyncio.wait([starting])
            ours.close()
            theirs.close()
            if process.pid is not None:
                process.kill()
                await asyncio.to_thread(process.join)
                process.close()


def _receive(connection: Connection, told: asyncio.Queue[object]) -> None:
    try:
        told.put_nowait(connection.recv())
    except (EOFError, OSError):
        told.put_nowait(None)


def _take(search: Search, message: object) -> None:
    if isinstance(message, Ended):
        search.plan, search.bound, search.best, search.status = *message, message.plan.score, "done"
    elif isinstance(message, Score):
        search.best = message
    else:
        search.detail = "the search ended without an answer"


def _search(connection: Connection, problem: Problem, seconds: float, seed: int) -> None:
    """In the process."""
    _end_with_server()
    from orderwing.planning.fleet.bounds import bound  # noqa: PLC0415  # the server itself needs no solver
    from orderwing.planning.fleet.solve import plan  # noqa: PLC0415

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all; the server ends us
    with suppress(BrokenPipeError):  # the server is gone
        best = plan(problem, Budget(seconds), seed, connection.send)
        connection.send(Ended(best, bound(problem, best)))


def _end_with_server() -> None:
    """Have the kernel end this process once the server's end of the pipe between them is closed, however it ended.

    By SIGIO, whose default that is: a thread would wait for the interpreter, which the solver holds. The parent is
    no help either, being the fork server, which lives as long as any search does.
    """
    server = multiprocessing.parent_process()
    assert server is not None
    fcntl.fcntl(server.sentinel, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(server.sentinel, fcntl.F_SETFL, fcntl.fcntl(server.sentinel, fcntl.F_GETFL) | os.O_ASYNC)
    if not server.is_alive():  # since before
        os._exit(1)
