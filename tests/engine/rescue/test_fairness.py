"""Each policy of the governor, broken and cured over real sockets: what nodes and users really sent changes with it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from engine_world import LEAF, LONG, ONLINE, Album, SkippingClock, completed, sha, stalled, until
from rescue_world import PATIENT, RescueWorld, larger, settle

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.peers.ledger import LedgerTotals
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.model.views import StatusView, ViewKey

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]

MB = 1_000_000


def sent(node: Engine) -> int:
    """Leaf bytes that this node's own sockets took, on connections that live."""
    assert node.mesh is not None
    return sum(peer.traffic.up for peer in node.mesh.peers.values())


async def broken(engine: Engine) -> str:
    """What the status line says of fairness."""
    view = await engine.snapshot(ViewKey("status"))
    assert isinstance(view, StatusView)
    return "".join(str(part.words) for part in view.parts if part.name == "fairness")


async def downloader(world: RescueWorld, nodes: list[Engine], rescue: dict[str, float], **fairness: float) -> Engine:
    engine = await world.engine(
        clock=world.clock,
        rescue={**PATIENT, **rescue},
        overlay={"peers": [node.settings.overlay.listen for node in nodes]},
        fairness={"grace_gb": 0, **fairness},
    )
    await until(lambda: engine.mesh and len(engine.mesh.peers) == len(nodes), "the nodes are connected")
    return engine


def one_file(album: Album, folder: Path, size: int = 5 * MB) -> Path:
    return larger(album.tracks(1)[0], folder, size)


def test_who_gives_too_little_gets_less_from_the_mesh_until_he_gives(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            path = one_file(album, tmp_path / "larger", 7 * MB)
            mono = await world.uploader("mono_lith", {path.name: path.read_bytes()})
            mono.hold(2 * LEAF)
            nodes = [await world.node(name, [path], bandwidth_kbps=8000) for name in ("one", "two")]
            engine = await downloader(world, nodes, {"no_bytes_s": 1.0}, throttle_kbps=3200)
            engine.ledger.add("slsk", "down", "somebody", 50 * MB)
            job = await world.create(engine)
            live = job.tracks[0]
            await until(lambda: live.swarm and live.swarm.members, "the mesh helps", job)
            loop = asyncio.get_running_loop()
            began, before = loop.time(), sum(map(sent, nodes))
            await until(lambda: sum(map(sent, nodes)) - before > 1.5 * MB, "some of it came", job)
            moved, took = sum(map(sent, nodes)) - before, loop.time() - began
            assert moved <= 400_000 * (took + 0.5) + 4 * LEAF, (moved, took)
            assert live.swarm is not None and len(live.swarm.members) == 1 and live.swarm.origin_cap is None
            assert sorted(sent(node) > 0 for node in nodes) == [False, True], "the other one was asked for nothing"
            await until(lambda: [text for text in world.said("me", "fairness.broken") if "less than 1.00" in text], "it is told", job)
            words = await broken(engine)
            assert "uploaded 0.00 times" in words and "at most 1 overlay peer a file and 3200 kbit/s in all" in words
            engine.ledger.add("slsk", "up", "somebody", 100 * MB)
            await completed(job)
            assert world.music() == [sha(path)]
            assert all(sent(node) > 0 for node in nodes), "cured: both were asked"
            assert not await broken(engine)

    asyncio.run(main())


def test_at_twice_its_soulseek_upload_a_node_sends_nothing_over_the_overlay_and_below_it_goes_on(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            path = one_file(album, tmp_path / "larger")
            mono = await world.uploader("mono_lith", {path.name: path.read_bytes()})
            mono.hold(2 * LEAF)
            folder = tmp_path / "node" / "offered"
            folder.mkdir(parents=True)
            (folder / path.name).write_bytes(path.read_bytes())
            node = await world.engine(
                "node", soulseek={"enabled": False, "share": [str(folder)]}, overlay={"bandwidth_kbps": 8000}, fairness={"grace_gb": 0}
            )
            await until(lambda: world.said("node", "offers.ready"), "it offers its file")
            node.ledger.add("slsk", "up", "somebody", MB)
            engine = await downloader(world, [node], {"no_bytes_s": 1.0})
            engine.ledger.add("slsk", "up", "somebody", 100 * MB)
            job = await world.create(engine)
            await until(lambda: world.said("node", "fairness.broken"), "the cap is reached", job)
            await settle(0.5)
            at = sent(node)
            assert 2 * MB <= at <= 2 * MB + 3 * MB, "found within the seconds in which bytes are counted"
            await settle(2.0)
            assert sent(node) == at, "nothing more is sent"
            assert engine.mesh is not None
            (peer,) = engine.mesh.peers.values()
            assert await peer.offers((job.tracks[0].track.recording_mbid,)) == (), "nor offered"
            assert "no overlay uploads" in await broken(node)
            assert engine.book.reputation(peer.node_id) == 1.0, "that is no fault of the node's"
            node.ledger.add("slsk", "up", "somebody", 100 * MB)
            await completed(job)
            assert world.music() == [sha(path)] and sent(node) > at
            assert not await broken(node)

    asyncio.run(main())


def test_after_a_days_worth_of_overlay_download_the_rest_comes_another_day(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    noon, start = datetime.now(UTC).replace(hour=12), SystemClock().now()
    days = [0]
    monkeypatch.setattr(SystemClock, "wall", lambda clock: noon + timedelta(days=days[0], seconds=clock.now() - start))

    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            path = one_file(album, tmp_path / "larger")
            mono = await world.uploader("mono_lith", {path.name: path.read_bytes()})
            mono.hold(2 * LEAF)
            node = await world.node("node", [path], bandwidth_kbps=8000)
            engine = await downloader(world, [node], {"no_bytes_s": 1.0}, daily_overlay_gb=0.001)
            engine.ledger.add("slsk", "up", "somebody", 100 * MB)
            job = await world.create(engine)
            live = job.tracks[0]
            await until(lambda: world.said("me", "fairness.broken"), "the day's cap is reached", job)
            await until(lambda: live.swarm and not live.swarm.members, "the peer is let go", job)
            await settle(0.5)
            at = sent(node)
            assert MB <= at <= MB + 3 * MB
            await until(lambda: "no overlay downloads before" in live.why, "the badge says why", job)
            await settle(1.0)
            assert sent(node) == at and not world.music()
            days[0] = 1
            await until(lambda: sent(node) > at, "the next day it goes on", job)
            while job.record.state != "completed":
                await until(lambda: job.record.state == "completed" or engine.governor.verdict().most_peers == 0, "it goes on", job)
                days[0] += 1
            await completed(job)
            assert world.music() == [sha(path)]

    asyncio.run(main())


@pytest.mark.parametrize("slow", ["stalled", "queued"])
def test_while_too_little_is_given_another_soulseek_user_goes_before_the_mesh(tmp_path: Path, album: Album, slow: str) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            users = [await world.uploader(name, busy=slow == "queued") for name in ("a_mono", "b_other")]
            for user in users:
                user.hold(2 * LEAF)
            node = await world.node("node")
            engine = await downloader(world, [node], {"no_bytes_s" if slow == "stalled" else "queued_s": LONG})
            engine.ledger.add("slsk", "down", "somebody", 50 * MB)
            job = await world.create(engine)
            await (world.stalls(job, 2 * LEAF) if slow == "stalled" else world.waits(job))
            first = users[0] if users[0].total or users[0].waiting else users[1]
            other = users[1] if first is users[0] else users[0]
            other.let_go()
            other.busy(False)
            await completed(job)
            assert world.music() == world.truth and other.total > 0
            assert sent(node) == 0 and not world.said("me", "rescue.started")

    asyncio.run(main())


def test_the_ledger_holds_what_each_side_of_each_transfer_counted_itself_and_nothing_else(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            size = album.tracks(1)[0].stat().st_size
            mono, node = await world.uploader("mono_lith"), await world.node("node")
            mono.hold(3 * LEAF)
            rescue, mine, annas = {**PATIENT, "no_bytes_s": LONG}, SkippingClock(), SkippingClock()
            offer = {"offer": "downloads", "peers": [node.settings.overlay.listen]}
            me = await world.engine(clock=mine, rescue=rescue, overlay=offer)
            await until(lambda: me.mesh and me.mesh.peers, "the node is connected")
            job = await world.create(me)
            await stalled(mine, job, 3 * LEAF)
            await completed(job)
            assert mono.total == 3 * LEAF
            anna = await world.engine("anna", clock=annas, rescue=rescue, overlay={"peers": [me.settings.overlay.listen]})
            assert node.mesh is not None
            await anna.book.block(node.mesh.identity.node_id, "so that all of it comes from us")
            await until(lambda: anna.mesh and anna.mesh.peers, "she is connected to us")
            job = await world.create(anna)
            await stalled(annas, job, 3 * LEAF)
            await completed(job)
            assert mono.total == 6 * LEAF
            over_mesh = size - 3 * LEAF
            await until(lambda: me.ledger.totals().mesh_up >= over_mesh and anna.ledger.totals().mesh_down >= over_mesh, "it is counted")
            assert sent(node) == over_mesh and sent(me) == over_mesh
            await mono.stop()
            await me.stop()
            shared = {
                **me.settings.model_dump(),
                "soulseek": {**me.settings.soulseek.model_dump(), "share": [str(tmp_path / "me" / "music")]},
            }
            me = await world.start("me", Settings.model_validate(shared))
            await until(lambda: world.said("me", "soulseek.shares"), "it shares what it got")
            ONLINE.add("me")
            ben = await world.engine("ben", overlay={"enabled": False})
            await completed(await world.create(ben))
            ONLINE.discard("me")
            assert [world.music(name) for name in ("me", "anna", "ben")] == [world.truth] * 3
            await settle(1.2)
            assert me.ledger.totals() == LedgerTotals(slsk_up=size, slsk_down=3 * LEAF, mesh_up=over_mesh, mesh_down=over_mesh)
            assert node.ledger.totals() == LedgerTotals(mesh_up=over_mesh)
            assert anna.ledger.totals() == LedgerTotals(slsk_down=3 * LEAF, mesh_down=over_mesh)
            assert ben.ledger.totals() == LedgerTotals(slsk_down=size)
            assert me.mesh is not None and node.mesh is not None and anna.mesh is not None
            assert me.ledger.by_peer() == {
                ("mesh", node.mesh.identity.node_id): LedgerTotals(mesh_down=over_mesh),
                ("mesh", anna.mesh.identity.node_id): LedgerTotals(mesh_up=over_mesh),
                ("slsk", "ben"): LedgerTotals(slsk_up=size),
                ("slsk", "mono_lith"): LedgerTotals(slsk_down=3 * LEAF),
            }
            await me.ledger.flush()
            assert await me.store.ledger.totals() == {
                "soulseek_upload_bytes": size,
                "soulseek_download_bytes": 3 * LEAF,
                "overlay_upload_bytes": over_mesh,
                "overlay_download_bytes": over_mesh,
            }

    asyncio.run(main())
