"""Speed limits seen from the other side: what an uploader could send per second under each, changed while it sends."""

from __future__ import annotations

import asyncio
import os
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from engine_world import Album, HeldTransfers, Holder, World, until
from files_world import ALBUM, got, remote

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.peers import limits as limits_module
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.model.finding import LimitsView, make_ref
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command, Result

pytestmark = pytest.mark.usefixtures("quick")


class Calendar(SystemClock):
    """Real time with a date that a test sets."""

    date = datetime(2026, 6, 1, 12, tzinfo=UTC)

    def wall(self) -> datetime:
        return self.date


async def rate(holder: Holder, size: int = 200_000) -> float:
    """Bytes a second that the uploader could send, over at least so many bytes: more than what the buffers on the way hold."""
    loop = asyncio.get_running_loop()
    before, began = holder.total, loop.time()
    await until(lambda: holder.total - before >= size, f"{size} more bytes were sent")
    return (holder.total - before) / (loop.time() - began)


async def limit(engine: Engine, verb: str, **args: Any) -> Result:
    result = await engine.submit(Command(f"limits.{verb}", args))
    assert result.ok, result
    return result


@pytest.mark.slow
def test_a_limit_by_schedule_or_by_hand_changes_what_an_uploader_can_send(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By a wide ratio: 100 KB/s by day, 1 MB/s at night, 100 KB/s again by hand; without a limit what the machine gives."""
    clock = Calendar()
    plain, upload = limits_module.Limits, HeldTransfers._upload_file
    monkeypatch.setattr("slskdn_tui.engine.engine.Limits", lambda settings, choices, _: plain(settings, choices, clock, UTC))

    async def short_of_buffers(self: HeldTransfers, transfer: Any, connection: Any) -> None:
        connection._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 16 * 1024)
        await upload(self, transfer, connection)

    monkeypatch.setattr(HeldTransfers, "_upload_file", short_of_buffers)

    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith", {"long.bin": os.urandom(1 << 20) * 12})
            day = {"schedule": ["all 08:00-20:00 800/80", "all 00:00-24:00 8000/800"]}
            engine = await world.engine(downloads=day, rescue={"no_bytes_s": 60.0, "slow_bytes_s": 0.0})
            for each in engine.soulseek._client.network.listening_connections:
                if each is not None:  # what is accepted there has as little room
                    each._server.sockets[0].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
            job = await got(engine, make_ref("mono_lith", remote(mono, ALBUM), folder=True))
            await until(lambda: mono.total, "the upload begins", job)
            await rate(mono, 400_000)  # the buffers on the way are filled first
            by_day = await rate(mono)
            clock.date = datetime(2026, 6, 1, 21, tzinfo=UTC)
            await until(lambda: world.said("me", "limits.changed"), "the night's limit is in force", job)
            by_night = await rate(mono, 1_000_000)
            assert by_night > 2.5 * by_day
            await limit(engine, "set", down=800)
            await rate(mono, 400_000)  # what was on the way
            assert await rate(mono) < by_night / 2.5
            view = await engine.snapshot(ViewKey("limits"))
            assert isinstance(view, LimitsView)
            assert (view.down_kbps, view.up_kbps, view.because) == (800, 800, "down set by hand; schedule: all 00:00-24:00 8000/800")
            assert view.next_change == "Tue 08:00: 800 kbit/s down, 80 kbit/s up" and len(view.schedule) == 2
            before = mono.total
            await limit(engine, "set", down=0)
            await until(lambda: mono.total - before > 4_000_000, "without a limit it is quick", job)

    asyncio.run(main())


def test_limits_by_hand_outlive_a_restart_and_reach_the_mesh(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine(overlay={"bandwidth_kbps": 8000})
            assert engine.mesh is not None and engine.mesh.desk.limiter.rate == 1_000_000
            assert (await engine.submit(Command("limits.set", {}))).code == "usage"
            assert "not between" in (await engine.submit(Command("limits.set", {"down": -1}))).message
            assert "300 kbit/s up" in (await limit(engine, "set", up=300)).message
            assert engine.mesh.desk.limiter.rate == 37_500
            await engine.stop()
            again = await world.engine(overlay={"bandwidth_kbps": 8000})
            assert again.mesh is not None and again.mesh.desk.limiter.rate == 37_500
            assert (await limit(again, "clear")).data == {"down_kbps": 0, "up_kbps": 0}
            assert again.mesh.desk.limiter.rate == 1_000_000

    asyncio.run(main())
