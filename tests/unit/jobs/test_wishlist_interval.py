"""The wishlist's loop on a virtual clock: one search an interval, whatever is added, held at the gate, lost or started again."""

from __future__ import annotations

import asyncio
import itertools
from concurrent.futures import Executor, Future
from types import SimpleNamespace
from typing import Any

from slskdn_tui.engine.jobs.wishlist.wishlist import Wishlist
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.soulseek.search.gate import Priority
from slskdn_tui.engine.store.state.wishes import Wish, WishHit
from slskdn_tui.model.errors import UserError

INTERVAL = 720


class Disk:
    """The tables in memory; they outlive the program."""

    def __init__(self) -> None:
        self.rows: dict[str, Wish] = {}
        self.kept: dict[str, list[WishHit]] = {}
        self.choices: dict[str, Any] = {}

    async def all(self) -> list[Wish]:
        return list(self.rows.values())

    async def put(self, wish: Any, value: Any = None) -> None:
        if isinstance(wish, Wish):
            self.rows[wish.wish_id] = wish
        else:
            self.choices[wish] = value

    async def get(self, key: str) -> Any:
        return self.choices.get(key)

    async def under(self, prefix: str) -> dict[str, Any]:
        return {}

    async def drop(self, wish_id: str) -> None:
        del self.rows[wish_id]

    async def hits(self, wish_id: str) -> list[WishHit]:
        return self.kept.get(wish_id, [])

    async def keep_hits(self, wish_id: str, hits: list[WishHit]) -> None:
        self.kept[wish_id] = hits

    async def counts(self) -> dict[str, tuple[int, int]]:
        return {}


class Inline(Executor):
    """Work is done at once: virtual time does not wait for threads."""

    def submit(self, work: Any, /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(work(*args, **kwargs))
        return future


class Plane:
    """Notes when a wishlist search really goes out; `held` seconds at the gate before that."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.wishlist_interval: int | None = INTERVAL
        self.held = 0.0
        self.sent: list[tuple[float, str]] = []
        self.error: UserError | None = None

    async def search(self, query: str, *, wait_s: float, priority: Priority, listener: Any) -> tuple[()]:
        assert priority is Priority.WISHLIST
        if self.error is not None:
            raise self.error
        await self.clock.sleep(self.held)
        self.sent.append((self.clock.now(), query))
        listener.begins(wait_s)
        await self.clock.sleep(wait_s)
        return ()


def program(clock: VirtualClock, disk: Disk, plane: Plane) -> Wishlist:
    settings = SimpleNamespace(wishlist=SimpleNamespace(enabled=True, keep_results=5))
    store = SimpleNamespace(wishes=disk, choices=disk)
    bus = SimpleNamespace(publish=lambda *args, **kwargs: None)
    services: Any = SimpleNamespace(settings=settings, clock=clock, store=store, soulseek=plane, bus=bus, disk=Inline(), music=None)
    return Wishlist(services, SimpleNamespace())  # type: ignore[arg-type]


def gaps(plane: Plane) -> list[float]:
    return [later - earlier for (earlier, _), (later, _) in itertools.pairwise(plane.sent)]


async def running(wishlist: Wishlist) -> asyncio.Task[None]:
    await wishlist.load()
    return asyncio.create_task(wishlist.run())


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def test_one_search_an_interval_in_turn_however_many_are_added() -> None:
    async def main() -> None:
        clock, disk = VirtualClock(), Disk()
        plane = Plane(clock)
        wishlist = program(clock, disk, plane)
        task = await running(wishlist)
        for number in range(5):
            await wishlist.add(Wish("", f"wish {number}"))
        await clock.advance(10 * INTERVAL + 60)
        assert [query for _, query in plane.sent] == [f"wish {number}" for number in (0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0)]
        assert min(gaps(plane)) >= INTERVAL and max(gaps(plane)) < INTERVAL + 1
        await stop(task)

    asyncio.run(main())


def test_a_restart_neither_restarts_the_round_nor_searches_before_its_time() -> None:
    async def main() -> None:
        clock, disk = VirtualClock(), Disk()
        plane = Plane(clock)
        for run in range(6):
            wishlist = program(clock, disk, plane)
            task = await running(wishlist)
            if not run:
                for number in range(3):
                    await wishlist.add(Wish("", f"wish {number}"))
            await clock.advance(500)
            await stop(task)
        assert [query for _, query in plane.sent] == ["wish 0", "wish 1", "wish 2", "wish 0", "wish 1"]
        assert min(gaps(plane)) >= INTERVAL

    asyncio.run(main())


def test_what_the_gate_holds_moves_the_next_one_too() -> None:
    async def main() -> None:
        clock, disk = VirtualClock(), Disk()
        plane = Plane(clock)
        wishlist = program(clock, disk, plane)
        task = await running(wishlist)
        for number in range(2):
            await wishlist.add(Wish("", f"wish {number}"))
        plane.held = 300.0
        await clock.advance(1500)
        plane.held = 0.0
        await clock.advance(3000)
        assert len(plane.sent) > 4 and min(gaps(plane)) >= INTERVAL
        await stop(task)

    asyncio.run(main())


def test_offline_nothing_is_searched_and_a_new_interval_counts_at_once() -> None:
    async def main() -> None:
        clock, disk = VirtualClock(), Disk()
        plane = Plane(clock)
        plane.wishlist_interval = None
        wishlist = program(clock, disk, plane)
        task = await running(wishlist)
        await wishlist.add(Wish("", "some wish"))
        await clock.advance(5000)
        assert not plane.sent and wishlist.next_searches() == {}
        plane.wishlist_interval = 120
        await clock.advance(600)
        assert len(plane.sent) == 5 and min(gaps(plane)) >= 120
        assert 0 < wishlist.next_searches()["1"] <= 120
        await stop(task)

    asyncio.run(main())


def test_a_search_that_fails_is_said_and_counts_as_the_intervals_one() -> None:
    async def main() -> None:
        clock, disk = VirtualClock(), Disk()
        plane = Plane(clock)
        wishlist = program(clock, disk, plane)
        task = await running(wishlist)
        plane.error = UserError("auth", "logged in elsewhere", "reconnect")
        await wishlist.add(Wish("", "some wish"))
        await clock.advance(60)
        assert "elsewhere" in disk.rows["1"].note
        plane.error = None
        await clock.advance(600)
        assert not plane.sent
        await clock.advance(120)
        assert len(plane.sent) == 1
        await stop(task)

    asyncio.run(main())


def test_a_wish_is_refused_twice_and_with_a_filter_nobody_can_read() -> None:
    async def main() -> None:
        wishlist = program(VirtualClock(), Disk(), Plane(VirtualClock()))
        await wishlist.load()
        await wishlist.add(Wish("", "some band"))
        for bad in (Wish("", "BAND some"), Wish("", "other", filter="bitrat>3"), Wish("", "other", filter="@nobody")):
            try:
                await wishlist.add(bad)
            except UserError as error:
                assert error.code in ("refused", "usage")
            else:
                raise AssertionError("taken")

    asyncio.run(main())
