"""Holders that stall, vanish, refuse, go away and come back: the right file comes without a hand, and the trace says why."""

from __future__ import annotations

import asyncio
import errno
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from aioslsk.protocol.messages import PeerTransferQueue, PeerTransferQueueFailed
from engine_world import LEAF, ONLINE, Album, Holder, World, act, completed, put, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.swarm.stall import RescueThresholds
from slskdn_tui.lab.children import Children
from slskdn_tui.seam import Command
from tests.fakes.ports import free_port

pytestmark = pytest.mark.usefixtures("quick")
PATIENT = {"no_bytes_s": 60.0}


async def trace(engine: Engine, job: LiveJob) -> str:
    return "\n".join(f"{each.kind} {each.peer_id} {each.result} {each.words}" for each in await engine.trace.events(job.job_id))


def refuse(holder: Holder, reason: str) -> list[str]:
    """The holder answers every request so; what was asked for is listed."""
    asked: list[str] = []

    async def answer(message: Any, connection: Any) -> None:
        asked.append(message.filename)
        await connection.send_message(PeerTransferQueueFailed.Request(filename=message.filename, reason=reason))

    holder.transfers._MESSAGE_MAP[PeerTransferQueue.Request] = answer
    return asked


def came(job: LiveJob, album: Album, size: int) -> bool:
    return job.tracks[0].done * album.tracks(1)[0].stat().st_size >= size


def test_a_holder_that_stalls_is_left_and_another_goes_on_at_the_same_offset(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            first, second = await world.holder("a_first"), await world.holder("b_second")
            first.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT, overlay={"enabled": False})
            job = await world.create(engine)
            await until(lambda: came(job, album, 5 * LEAF), "five leaves have come", job)
            swarm = job.tracks[0].swarm
            assert swarm is not None
            swarm._watch._rules = RescueThresholds(no_bytes_s=0.5)  # from here on: a busy machine must not stall it before
            await completed(job)
            (path,) = album.tracks(1)
            assert world.music() == world.truth
            assert second.starts[path.name] == [4 * LEAF] and first.total == 5 * LEAF
            told = await trace(engine, job)
            assert "stall slsk:a_first active no byte for" in told and "candidate slsk:b_second failover no byte for" in told

    asyncio.run(main())


@pytest.mark.slow
def test_a_holder_whose_program_is_killed_midway_is_followed_by_another(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            put(tmp_path / "users" / "a_killed" / "Plone - For Beginner Piano", [path])
            children, address = Children(tmp_path / "lab"), world.address()
            try:
                child = await children.start(
                    "a_killed", "slskdn_tui.lab.soulseek_user", "--server", world.server_address, "--user", "a_killed", "--password", "lab",
                    "--listen", f"{address}:{free_port(address)}", "--share", str(tmp_path / "users" / "a_killed"), "--rate", "150000",
                    "--stats", str(tmp_path / "killed.json"),
                )  # fmt: skip
                await until(lambda: '"ready": true' in _text(tmp_path / "killed.json"), "the user shares its files")
                ONLINE.add("a_killed")  # the search must not end before it has answered
                second = await world.holder("b_second")
                second.transfers._settings.transfers.limits.upload_slots = 0  # busy: the first looks better
                engine = await world.engine(rescue=PATIENT)
                job = await world.create(engine)
                await until(lambda: came(job, album, 3 * LEAF), "three leaves have come", job)
                second.transfers._settings.transfers.limits.upload_slots = 2
                child.process.kill()
                ONLINE.discard("a_killed")
                await completed(job)
            finally:
                ONLINE.discard("a_killed")
                await children.stop()
            assert world.music() == world.truth
            assert second.starts[path.name][0] > 0 and second.total < path.stat().st_size
            told = await trace(engine, job)
            assert "candidate slsk:a_killed ended" in told and "candidate slsk:b_second failover" in told

    asyncio.run(main())


def _text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize("reason", ["File not shared.", "Banned"])
def test_a_holder_that_refuses_is_asked_once_and_the_next_gives(tmp_path: Path, album: Album, reason: str) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            first = await world.holder("a_first")
            await world.holder("b_second")
            asked = refuse(first, reason)
            engine = await world.engine(rescue=PATIENT)
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth
            assert len(asked) == 1 and first.total == 0
            assert f"candidate slsk:a_first ended a_first says: {reason}" in await trace(engine, job)

    asyncio.run(main())


def test_a_file_of_the_same_name_and_size_with_other_bytes_gives_none_to_the_placed_one(tmp_path: Path, album: Album) -> None:
    """The wrong one first: it comes whole, fails its check, and the right one is fetched from its first byte."""

    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            data = path.read_bytes()
            wrong = await world.holder("a_wrong", {path.name: data[:8192] + bytes(byte ^ 0x5A for byte in data[8192:])})
            right = await world.holder("b_right")
            engine = await world.engine(rescue=PATIENT)
            job = await world.create(engine)
            await completed(job)
            assert world.music() == world.truth
            assert wrong.total == len(data) and right.starts[path.name] == [0] and right.total == len(data)
            told = await trace(engine, job)
            assert "quarantine slsk:a_wrong corruption" in told and "candidate slsk:b_right failover" in told

    asyncio.run(main())


def test_the_only_holder_goes_away_and_when_back_goes_on_where_it_was(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            (path,) = album.tracks(1)
            only = await world.holder("only_one")
            only.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT)
            job = await world.create(engine)
            await until(lambda: came(job, album, 5 * LEAF), "five leaves have come", job)
            engine.soulseek.transfers.allowance.window = 1.0  # a minute, as the server counts it
            await only.stop()
            await until(lambda: job.record.state == "searching" and "no source" in job.record.error, "the job says that it waits", job)
            await until(lambda: "only_one" in world.server.members["me"].watching, "the user is watched")
            messages = world.server.count("GetPeerAddress", "me")
            again = await world.back(only)
            await completed(job)
            assert world.music() == world.truth
            assert again.starts[path.name] == [4 * LEAF]
            assert world.server.count("GetPeerAddress", "me") - messages <= 1  # nobody polled

    asyncio.run(main())


def test_after_a_kick_nothing_is_done_until_reconnect_and_then_the_job_goes_on_by_itself(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("mono_lith")
            engine = await world.start("me", world.settings("me", rescue=PATIENT), password="lab")
            await engine.soulseek.wait_online()
            thief = Holder(world.server_address, "me", world.address(), tmp_path / "users" / "mono_lith")
            await thief.start()
            await thief.login()
            await until(lambda: engine.soulseek.state == "kicked", "the second login kicks the first")
            job = await world.create(engine)
            await until(lambda: world.said("me", "job.waiting"), "the job says what it waits for", job)
            assert "another place" in job.record.error
            await thief.stop()
            assert (await engine.submit(Command("soulseek.reconnect", {}))).ok
            await completed(job)
            assert world.music() == world.truth

    asyncio.run(main())


def test_tracks_move_only_as_many_as_allowed_while_all_wait_in_the_holders_queue(tmp_path: Path, album: Album) -> None:
    """One place for two holders that both offer at once: the offer that must wait is not lost, and both files come."""

    async def main() -> None:
        async with World(tmp_path, album, tracks=4) as world:
            mono = await world.holder("mono_lith")
            mono.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT, downloads={"parallel": 1, "queued": 3})
            job = await world.create(engine)
            await until(lambda: mono.total == 5 * LEAF, "one file moves", job)
            await until(lambda: sum(live.waiting is not None for live in job.tracks) == 3, "three wait in the queue", job)
            assert sum(live.swarm is not None for live in job.tracks) == 1
            assert len(list(world.paths("me").incomplete.rglob("*.part"))) == 1
            mono.let_go()
            await completed(job)
            assert world.music() == world.truth
            assert (await act(engine, "pause", job)).code == "refused"
            facts = await engine.store.user_history.get("mono_lith")
            assert facts.done == 4 and facts.failed == 0 and facts.bytes == mono.total and facts.speed

    asyncio.run(main())


@pytest.mark.parametrize(
    "error", [sqlite3.OperationalError("database or disk is full"), OSError(errno.ENOSPC, "the disk with the database is full")], ids=type
)
def test_a_database_that_cannot_grow_pauses_the_job_which_goes_on_when_resumed(tmp_path: Path, album: Album, error: Exception) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(5 * LEAF)
            engine = await world.engine(rescue=PATIENT)
            job = await world.create(engine)
            await until(lambda: came(job, album, 5 * LEAF), "five leaves have come", job)
            save = engine.store.jobs.save

            async def full(record: Any) -> None:
                raise error

            engine.store.jobs.save = full
            mono.let_go()
            await until(lambda: world.said("me", "job.disk"), "the user is told", job)
            assert job.record.state == "paused" and "full" in job.record.error and "resume" in world.said("me", "job.disk")[0]
            engine.store.jobs.save = save
            assert (await act(engine, "resume", job)).ok
            await completed(job)
            assert world.music() == world.truth

    asyncio.run(main())
