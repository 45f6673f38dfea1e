"""A file that waits in a queue and is offered: held for a moment, sent away politely, asked for again; and users who come back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from aioslsk.protocol.messages import PeerTransferQueue, PeerTransferReply
from soulseek_world import QUICK, Sink, World, blob, sha

from slskdn_tui.model.ports import OriginEnd, OriginState

SIZE = 200_000
NAME = "tune.flac"


async def offered(world: World, **manners: float):
    """An uploader, a downloader's origin waiting for its offer, and the answers the uploader gets."""
    data = blob(SIZE)
    up = await world.online("uploader", 2, world.share("up", {NAME: data}))
    down = await world.online("downloader", 3, manners=replace(QUICK, **manners))
    answers: list[tuple[bool, str | None]] = []
    stock = up._client.network.on_message_received

    async def note(message: Any, connection: Any) -> None:
        if isinstance(message, PeerTransferReply.Request):
            answers.append((message.allowed, message.reason))
        await stock(message, connection)

    up._client.network.on_message_received = note
    return up, down, down.origin(await world.find(down, "tune")), data, answers


async def until(condition: Any) -> None:
    while not condition():
        await asyncio.sleep(0.01)


def test_an_offer_waits_for_a_place_of_ours_and_is_then_accepted(in_world) -> None:
    async def story(world: World) -> None:
        _, down, origin, data, answers = await offered(world)
        states: list[OriginState] = []
        assert await origin.queue(lambda state, place, detail: states.append(state)) is None
        assert origin.offered and answers == [] and OriginState.ACTIVE not in states
        sink = Sink()
        assert await origin.fetch(sink) == (OriginEnd.COMPLETE, "")
        assert answers == [(True, None)] and sha(bytes(sink.data)) == sha(data)
        assert down.transfers.transfers == []

    in_world(story)


def test_a_search_that_the_uploader_answers_leaves_the_connection_of_his_offer_open(in_world) -> None:
    async def story(world: World) -> None:
        _, down, origin, data, answers = await offered(world)
        assert await origin.queue(lambda state, place, detail: None) is None
        network = down._client.network
        before = network.get_active_peer_connections("uploader", "P")
        assert before and await world.find(down, "flac tune")
        assert network.get_active_peer_connections("uploader", "P") == before
        sink = Sink()
        assert await origin.fetch(sink) == (OriginEnd.COMPLETE, "")
        assert answers == [(True, None)] and sha(bytes(sink.data)) == sha(data)
        assert await world.find(down, "tune flac music")
        await until(lambda: not network.get_active_peer_connections("uploader", "P"))  # nothing more is wanted of him

    in_world(story)


def test_an_offer_nobody_takes_is_answered_queued_and_the_file_is_asked_for_again(in_world) -> None:
    async def story(world: World) -> None:
        up, _, origin, data, answers = await offered(world, hold=0.2)
        assert await origin.queue(lambda state, place, detail: None) is None
        await until(lambda: origin.parked)
        await until(lambda: answers)
        assert answers == [(False, "Queued")] and not origin.offered
        await until(lambda: all(each.state not in ("active", "starting", "queued") for each in up.uploads()))
        assert await origin.queue(lambda state, place, detail: None) is None  # a place is free: ask once more
        sink = Sink()
        assert await origin.fetch(sink) == (OriginEnd.COMPLETE, "")
        assert sha(bytes(sink.data)) == sha(data) and answers[-1] == (True, None)

    in_world(story)


def test_an_offer_no_longer_wanted_is_declined_so_that_no_slot_waits_for_us(in_world) -> None:
    async def story(world: World) -> None:
        up, down, origin, _, answers = await offered(world)
        assert await origin.queue(lambda state, place, detail: None) is None
        await origin.leave()
        await until(lambda: answers)
        assert answers == [(False, "Cancelled")] and down.transfers.transfers == []
        await until(lambda: all(each.state not in ("active", "starting", "queued") for each in up.uploads()))

    in_world(story)


def test_a_wait_that_is_interrupted_keeps_its_place_in_the_queue(in_world) -> None:
    async def story(world: World) -> None:
        up, _, origin, data, _ = await offered(world)
        up.transfers._settings.transfers.limits.upload_slots = 0
        asked, stock = [], up.transfers._MESSAGE_MAP[PeerTransferQueue.Request]

        async def count(message: Any, connection: Any) -> None:
            asked.append(message.filename)
            await stock(message, connection)

        up.transfers._MESSAGE_MAP[PeerTransferQueue.Request] = count
        waiting = asyncio.ensure_future(origin.queue(lambda state, place, detail: None))
        await until(lambda: up.uploads_queued == 1)
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)
        assert up.uploads_queued == 1
        up.transfers._settings.transfers.limits.upload_slots = 1
        assert await origin.queue(lambda state, place, detail: None) is None
        sink = Sink()
        assert await origin.fetch(sink) == (OriginEnd.COMPLETE, "")
        assert sha(bytes(sink.data)) == sha(data)
        assert len(asked) == 1

    in_world(story)


def test_users_on_hold_are_tried_at_once_after_our_own_reconnect(in_world) -> None:
    async def story(world: World) -> None:
        _, down, origin, _, _ = await offered(world)
        down.transfers.holds.failed("uploader", world.clock.now(), "uploader cannot be reached")
        assert (await origin.queue(lambda state, place, detail: None))[0] is OriginEnd.OFFLINE
        thief = await world.online("downloader", 5)
        await until(lambda: down.state == "kicked")
        await thief.stop()
        world.planes.remove(thief)
        assert (await origin.queue(lambda state, place, detail: None))[0] is OriginEnd.OFFLINE  # kicked: nothing is tried
        down.reconnect()
        await down.wait_online()
        assert await origin.queue(lambda state, place, detail: None) is None
        await origin.leave()

    in_world(story)
