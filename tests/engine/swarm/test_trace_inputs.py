"""Each decision of a real swarm is kept with what it rested on, from the scheduler to the exported JSON and `slskdn debug job --json`."""

from __future__ import annotations

import asyncio
from pathlib import Path

from world import FakePeer, World, some_bytes

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.jobs.told import Teller
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store
from slskdn_tui.engine.swarm.events import SwarmEnd
from slskdn_tui.engine.trace.recorder import TraceRecorder
from slskdn_tui.engine.trace.summary import summarise
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.trace_json import EVERYTHING, trace_document
from slskdn_tui.model.variant import LEAF

CLASSES = {"normal", "urgent", "window", "endgame", "race"}


def test_every_request_of_a_job_is_exported_with_cost_rate_rtt_reputation_and_class(tmp_path: Path) -> None:
    async def story() -> None:
        data = some_bytes(50 * LEAF + 3)
        world = World(tmp_path, len(data), guard=False, reputation=lambda node: 0.9 if node.startswith("a") else 0.5)
        swarm = await world.open()
        fast, slow = FakePeer("a1", data, rate=8e6), FakePeer("b2", data, rate=1e6)
        for peer in (fast, slow):
            assert await swarm.add_peer(peer, peer.variant) == ""
        assert await swarm.run() is SwarmEnd.COMPLETE
        await swarm.stop()
        clock = SystemClock()
        store, supervisor = await Store.open(Paths.of(tmp_path / "profile"), clock), Supervisor(clock)
        try:
            recorder = TraceRecorder(store.traces, clock, supervisor)
            teller = Teller(EventBus(clock), recorder, "job", 1, SafeText("Track"))
            for event in world.events:
                teller.swarm(event)
            events = await recorder.events("job")
        finally:
            await supervisor.stop()
            await store.close()
        told = trace_document(summarise("job", "x", [], events, count=EVERYTHING))["events"]
        of_nodes = [entry for entry in told if entry.get("source") == "mesh"]
        assert {"assign", "chunk"} <= {entry["kind"] for entry in of_nodes}
        assert {entry.get("variant_id") for entry in of_nodes} == {fast.variant.variant_id}, "each says of which variant"
        asked = [entry for entry in told if entry["kind"] == "assign"]
        assert sum(entry["chunk_length"] for entry in asked) >= len(data)
        for entry in asked:
            assert entry["cost"] > 0 and entry["throughput_bps"] > 0 and entry["rtt_ms"] >= 0 and entry["queue_s"] >= 0
            assert entry["reputation"] == (0.9 if entry["peer_id"] == fast.node_id else 0.5)
            assert entry["chunk_class"] in CLASSES
        urgent = [entry for entry in asked if entry["chunk_class"] == "urgent"]
        assert urgent and {entry["peer_id"] for entry in urgent} == {fast.node_id}, "the last 2 MiB are the trusted peer's"
        rows = [row for row in summarise("job", "x", [], events, count=EVERYTHING).rows if row.event == "assign"]
        assert [row.cost for row in rows] == [entry["cost"] for entry in asked]

    asyncio.run(asyncio.wait_for(story(), 60))
