"""`slskdn dht status|get|announce`: what a user is told, over an engine's own parts and real sockets."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.dht.keys import recording_key
from slskdn_tui.engine.dht.limits import ROOMY
from slskdn_tui.engine.dht.node import DhtNode
from slskdn_tui.engine.dht_plane import IDS
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.handlers import dht as handlers
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.views import LogView, ViewKey
from slskdn_tui.seam import Command, Result
from tests.fakes.ports import free_port

MBID = "0dd6aa6e-0000-4000-8000-000000000001"


async def with_nodes(work: Callable[[Any, DhtNode], Awaitable[None]], **dht: Any) -> None:
    """`work(engine, other)`: parts of an engine that offers MBID, its DHT knowing one other node."""
    clock = SystemClock()
    supervisor = Supervisor(clock)
    nodes: list[DhtNode] = []
    try:
        async with asyncio.timeout(240):
            for number in (31, 32):
                first = [node.address for node in nodes]
                options: dict[str, Any] = {"permit": ["127.0.0.0/8"], "limits": ROOMY, "public": bool(dht.get("public"))}
                first = first or [("127.1.39.1", 9)]
                node = DhtNode(
                    (f"127.1.{number}.1", 0), clock=clock, rng=random.Random(number), supervisor=supervisor, bootstrap=first, **options
                )
                await node.start()
                nodes.append(node)
            while not all(node.table_size for node in nodes):
                await asyncio.sleep(0.02)
            engine = SimpleNamespace(
                settings=Settings.model_validate({"dht": dht}),
                dht=nodes[1],
                mesh=SimpleNamespace(port=50400),
                offers=SimpleNamespace(recordings=lambda: (MBID,)),
                finder=SimpleNamespace(announced=frozenset({MBID}), channel_announced=True),
            )
            await work(engine, nodes[0])
    finally:
        for node in nodes:
            await node.stop()
        await supervisor.stop()


def test_a_recording_is_announced_and_found_and_the_words_say_how() -> None:
    async def work(engine: Any, other: DhtNode) -> None:
        result = await handlers.announce(engine, {"recording": MBID.upper()})
        assert str(result.message) == "1 node will tell others for 45 minutes that this node has it" and result.data["stored"] == 1
        assert await other.get_peers(recording_key(MBID)) == [("127.1.32.1", 50400)]
        await other.announce(recording_key(MBID), 50401)
        for key in (MBID, recording_key(MBID).hex()):
            got = await handlers.get(engine, {"key": key})
            assert got.data["text"] == "127.1.31.1:50401" and "1 of 1 node asked answered" in str(got.message)
        status = await handlers.status(engine, {})
        lines = status.data["text"].splitlines()
        assert lines[0] == "a network of this program's nodes only (dht.public: false)"
        assert lines[1].startswith("IPv4 127.1.32.1:") and ": 1 node answered last time, 0 questionable; not known yet whether" in lines[1]
        assert lines[2] == "this node is announced under the channel key, with 1 recording"

    asyncio.run(with_nodes(work))


def test_nothing_is_announced_or_looked_up_by_name_on_the_public_dht_before_the_opt_in() -> None:
    async def work(engine: Any, other: DhtNode) -> None:
        for call in (handlers.announce(engine, {"recording": MBID}), handlers.get(engine, {"key": MBID})):
            with pytest.raises(UserError, match="its key tells anybody") as refused:
                await call
            assert refused.value.code == "refused" and "dht.announce_recordings" in str(refused.value.hint)
        status = await handlers.status(engine, {})
        assert "anybody there can see that this address runs slskdn-tui; no recording is named there" in status.data["text"]
        engine.settings = Settings.model_validate({"dht": {"public": True, "announce_recordings": True}})
        assert (await handlers.announce(engine, {"recording": MBID})).ok

    asyncio.run(with_nodes(work, public=True))


def test_what_cannot_be_is_refused_with_what_to_do() -> None:
    async def work(engine: Any, other: DhtNode) -> None:
        for call, code in (
            (handlers.get(engine, {"key": "nonsense"}), "usage"),
            (handlers.get(engine, {"key": "ab" * 20}), "not_found"),
            (handlers.announce(engine, {"recording": "ab" * 20}), "usage"),
            (handlers.announce(engine, {"recording": MBID[:-1] + "2"}), "not_found"),
        ):
            with pytest.raises(UserError) as refused:
                await call
            assert refused.value.code == code and refused.value.hint
        engine.dht = None
        with pytest.raises(UserError, match="the DHT is off"):
            await handlers.status(engine, {})

    asyncio.run(with_nodes(work))


def test_an_engine_waits_says_so_keeps_its_id_and_tells_its_lookups_in_the_log(tmp_path: Path) -> None:
    address = "127.1.33.1"

    def profile(bootstrap: list[str]) -> tuple[Paths, Settings]:
        dht = {"listen": f"{address}:{port}", "bootstrap": bootstrap}
        sections = {
            "soulseek": {"enabled": False},
            "overlay": {"listen": f"{address}:{port}"},
            "dht": dht,
            "network": {"permit": ["127.0.0.0/8"]},
        }
        sections["downloads"] = {"folder": str(tmp_path / "downloads"), "free_space_mib": 1}
        return Paths.of(tmp_path / "profile"), Settings.model_validate(sections)

    port = free_port(address)

    async def status(engine: Engine) -> Result:
        return await engine.submit(Command("dht.status", {}))

    async def scenario() -> None:
        engine = Engine(*profile([]), password="")
        await engine.start()
        try:
            said = await status(engine)
            assert "it waits for a first node" in said.data["text"] and said.data["waiting"]
            refused = await engine.submit(Command("dht.get", {"key": "ab" * 20}))
            assert refused.code == "network" and "waits for a first node" in str(refused.message)
            node_id = said.data["families"][0]["node_id"]
        finally:
            await engine.stop()
        clock = SystemClock()
        supervisor = Supervisor(clock)
        friend = DhtNode(("127.1.34.1", 0), clock=clock, rng=random.Random(1), supervisor=supervisor, permit=["127.0.0.0/8"])
        await friend.start()
        engine = Engine(*profile([f"127.1.34.1:{friend.address[1]}"]), password="")
        await engine.start()
        try:
            assert (await status(engine)).data["families"][0]["node_id"] == node_id, "the id is kept between runs"
            while (await engine.submit(Command("dht.get", {"key": "ab" * 20}))).code != "not_found":
                await asyncio.sleep(0.05)
            view = await engine.snapshot(ViewKey("log"))
            assert isinstance(view, LogView)
            assert [
                row for row in view.rows if row.part == "dht" and str(row.text).startswith("get abababababab: 0 peers (1 of 1 node asked")
            ]
            assert await engine.store.choices.get(IDS) is not None
        finally:
            await engine.stop()
            await friend.stop()
            await supervisor.stop()

    asyncio.run(asyncio.wait_for(scenario(), 240))
