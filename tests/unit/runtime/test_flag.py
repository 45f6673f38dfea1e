"""A flag wakes who waits for it, as an event does."""

from __future__ import annotations

import asyncio

from slskdn_tui.engine.runtime.flag import Flag


def test_everybody_who_waits_is_woken_and_who_comes_later_does_not_wait() -> None:
    async def main() -> None:
        flag = Flag()
        waiting = [asyncio.ensure_future(flag.wait()) for _ in range(3)]
        await asyncio.sleep(0)
        assert not any(each.done() for each in waiting) and not flag.is_set()
        flag.set()
        flag.clear()  # as with an event, who waited is woken all the same
        assert await asyncio.gather(*waiting) == [True] * 3 and not flag.is_set()
        flag.set()
        assert await flag.wait() and flag.is_set()

    asyncio.run(main())


def test_a_cancelled_wait_leaves_the_others_waiting() -> None:
    async def main() -> None:
        flag = Flag()
        first, second = asyncio.ensure_future(flag.wait()), asyncio.ensure_future(flag.wait())
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        flag.set()
        assert await second

    asyncio.run(main())
