"""Peers over a real rescue: what the command line says of them, and that block, unblock and reset take hold. Each command attaches by the control socket."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
from pathlib import Path
from typing import Any

import pytest
from engine_world import LEAF, Album, World, completed, until
from rescue_world import RescueWorld, traced

from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.main import main as run_slskdn
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.seam import Command

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]


async def slskdn(world: World, *words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command on the profile `me`."""
    out, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        code = await asyncio.to_thread(run_slskdn, ["--profile", str(world.paths("me").profile), *words])
    return code, out.getvalue(), said.getvalue()


async def asked(world: World, *words: str) -> Any:
    code, out, said = await slskdn(world, *words, "--json")
    assert code == 0, said
    return json.loads(out)


def test_a_peer_that_rescued_is_listed_with_its_bytes_and_block_unblock_and_reset_take_hold(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=2) as world:
            world.configure("me")
            first, second = album.tracks(2)
            mono, node = await world.uploader("mono_lith"), await world.node("node")
            mono.hold(3 * LEAF)
            engine = await world.rescued(nodes=[node])
            node_id, name = node.identity.node_id, short_node_id(node.identity.node_id)
            job = await world.create(engine)
            one, two = job.tracks
            await until(lambda: one.swarm and one.swarm.part.pieces.done >= 3 * LEAF, "the first track began", job)

            rescue = {"job": job.job_id, "track": 1}
            assert (await engine.submit(Command("swarms.rescue", rescue))).ok
            await until(lambda: one.record.state == "done", "the mesh brought the first", job)
            mesh = first.stat().st_size - 3 * LEAF
            await until(lambda: engine.ledger.totals().mesh_down == mesh, "the ledger has its bytes")
            rows = {row["peer"]: row for row in await asked(world, "peers", "list")}
            peer = rows[node_id]
            assert (peer["name"], peer["plane"], peer["state"], peer["down"], peer["up"]) == (name, "mesh", "connected", mesh, 0)
            assert peer["good_chunks"] > 0 and peer["reputation"] == 1.0 and peer["rtt"] > 0
            assert rows["slsk:mono_lith"]["down"] == mono.total

            totals = engine.ledger.totals()
            report = await asked(world, "contribution")
            assert [report[name] for name in ("slsk_up", "slsk_down", "mesh_up", "mesh_down")] == [0, totals.slsk_down, 0, mesh]
            assert report["ratio"] == 0.0 and report["status"] == "newcomer"
            assert report["history"][-1]["mesh_down"] == mesh

            code, out, said = await slskdn(world, "peers", "block", name)
            assert code == 10 and "--yes" in said, "it asks, and nobody is there to answer"
            assert (await asked(world, "peers", "block", node_id[:10], "--note", "a test", "--yes"))["blocked"] is True
            assert engine.book.blocked(node_id)
            shown = await asked(world, "peers", "show", name)
            assert (shown["state"], shown["note"]) == ("blocked", "blocked by you: a test")
            rescue = {"job": job.job_id, "track": 2}
            await until(lambda: two.swarm and two.swarm.part.pieces.done >= 3 * LEAF, "the second track began", job)
            assert (await engine.submit(Command("swarms.rescue", rescue))).ok
            await until(lambda: two.unrescued or (two.rescue and two.rescue.nobody), "the second is told nobody can help", job)
            assert not [event for event in await traced(engine, job, "assign") if event.track_id == 2]
            assert engine.ledger.totals().mesh_down == mesh and two.record.state == "active"

            assert (await asked(world, "peers", "unblock", name))["blocked"] is False
            await until(lambda: engine.mesh and node_id in engine.mesh.peers, "the node is back")
            assert (await engine.submit(Command("swarms.rescue", rescue))).ok
            await completed(job)
            assert world.music() == world.truth

            both = mesh + second.stat().st_size - 3 * LEAF
            await until(lambda: engine.ledger.totals().mesh_down == both, "the ledger has the second's bytes, too")
            for _ in range(100):
                engine.book.outcome(node_id, ChunkOutcome.TIMEOUT)
            assert engine.book.reputation(node_id) < 0.8
            assert (await asked(world, "peers", "reset", name, "--yes"))["reputation"] == 1.0
            fresh = await asked(world, "peers", "show", name)
            assert (fresh["reputation"], fresh["timeouts"], fresh["down"]) == (1.0, 0.0, both)

            assert (await slskdn(world, "peers", "show", "b3:zzzz"))[0] == 4
            assert (await slskdn(world, "peers", "block", "mono_lith", "--yes"))[0] == 2, "a Soulseek user is banned, not blocked"
            live = await asked(world, "peers", "list"), await asked(world, "contribution")
            await engine.stop()
            stored = await asked(world, "peers", "list"), await asked(world, "contribution")
            assert {**stored[1], "version": 0} == {**live[1], "version": 0}
            for kept, row in zip(sorted(stored[0], key=lambda row: row["peer"]), sorted(live[0], key=lambda row: row["peer"]), strict=True):
                for fact in ("peer", "up", "down", "reputation", "good_chunks", "plane"):
                    assert kept[fact] == row[fact], (fact, kept["peer"])
            assert (await slskdn(world, "peers", "block", name, "--yes"))[0] == 5, "nothing can be changed while no engine runs"
            code, out, said = await slskdn(world, "contribution")
            assert code == 0 and "Contribution Report (Last 7 Days)" in out and "Overlay Mesh:" in out

    asyncio.run(main())
