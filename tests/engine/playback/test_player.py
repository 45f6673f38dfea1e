"""The player's process without mpv: a script that stands in for it."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from slskdn_tui.engine.playback.player import Player
from slskdn_tui.engine.runtime.clock import SystemClock
from tests.engine.playback.listening import Rig, go
from tests.engine.swarm.world import FakeOrigin, FakePeer


class Broken(SystemClock):
    """Breaks when the player's process has told its id, so that there is one to end."""

    def __init__(self, told: Path) -> None:
        self._told, self.pid = told, 0

    async def sleep(self, seconds: float) -> None:
        self.pid = int(await asyncio.to_thread(self._told.read_text))
        raise RuntimeError("a defect")


def test_a_defect_in_what_asks_for_the_play_head_ends_the_player_and_is_told(tmp_path: Path) -> None:
    script, told = tmp_path / "mpv", tmp_path / "pid"
    os.mkfifo(told)
    script.write_text(f"#!/bin/sh\necho $$ > {told}\nexec sleep 600\n")
    script.chmod(0o755)
    clock = Broken(told)

    async def story() -> None:
        with pytest.raises(ExceptionGroup) as raised:
            await Player([str(script)], "http://127.0.0.1:1/", clock, lambda: None).run()
        assert raised.group_contains(RuntimeError, match="a defect")

    go(story())
    assert clock.pid > 0 and not os.path.exists(f"/proc/{clock.pid}"), "its process is gone"


def test_the_play_head_stands_where_it_is_to_go_until_the_player_has_read_so_far() -> None:
    player = Player(["mpv"], "http://127.0.0.1:1/", SystemClock(), lambda: None)
    player._take({"request_id": 1, "data": 3.0})
    player.seek_when_read(12_000)
    player._take({"request_id": 1, "data": 3.1})
    player._take({"request_id": 3, "data": 12.2})
    assert player.position_ms == 12_000 and not player.may_go(12_000)
    player._take({"request_id": 3, "data": 12.6})
    assert player.may_go(12_000)
    player.seek(12_000)
    player._take({"request_id": 1, "data": 12.1})
    assert player.position_ms == 12_100 and player.goal_ms is None


@pytest.mark.parametrize("mesh", [False, True], ids=["one stream", "a mesh peer"])
def test_a_seek_ahead_of_a_single_soulseek_stream_asks_the_mesh_at_once_and_with_a_mesh_peer_just_goes_there(
    tmp_path: Path, mesh: bool
) -> None:
    data = bytes(range(256)) * 4000

    async def story() -> None:
        async with Rig(tmp_path, len(data)) as rig:
            stream = await rig.stream()
            if mesh:
                rig.swarm.use_origin(FakeOrigin("anna", data, queued=True))
                peer = FakePeer("a1", data)
                assert await rig.swarm.add_peer(peer, peer.variant) == ""
            player = Player(["mpv"], rig.playback.url(stream), rig.swarms.clock, stream.buffer.seek)
            rig.playback.now, rig.playback.player = stream, player
            assert rig.playback.seek(6_000) == 6_000 and player.position_ms == 6_000
            assert (player.goal_ms, rig.live.rescue_asked.is_set()) == ((None, False) if mesh else (6_000, True))
            rig.playback.now = rig.playback.player = None

    go(story())
