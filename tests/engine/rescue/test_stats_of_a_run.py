"""`slskdn stats --json` after an album with a stall, a rescue, a liar and a listener: each figure counted once more from trace, ledger and health table."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import sqlite3
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from engine_world import LEAF, Album, World, completed, until
from rescue_world import PATIENT, Liar, RescueWorld

from slskdn_tui.engine.store.records import LedgerRow
from slskdn_tui.main import main as run_slskdn
from slskdn_tui.model.parents import Member, ParentRecord, ParentType
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command
from tests.fakes.ports import free_port

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]
GB = 1_000_000_000
HOST = f"127.1.{os.getpid() % 250 + 1}.1"


async def slskdn(world: World, *words: str) -> str:
    """What a command on the profile `me` prints."""
    out, said = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(said):
        code = await asyncio.to_thread(run_slskdn, ["--profile", str(world.paths("me").profile), *words])
    assert code == 0, said.getvalue()
    return out.getvalue()


async def stats(world: World) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(await slskdn(world, "stats", "--json"))
    del told["version"], told["kind"]
    return told


def rows(path: Path, query: str) -> list[Any]:
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as database:
        return database.execute(query).fetchall()


def of(part: int, whole: int) -> dict[str, Any]:
    return {"part": part, "whole": whole, "rate": part / whole if whole else None}


def errors_in(trace: list[Any]) -> tuple[int, int]:
    """(leaves a peer was still asked for when it was found out, chunks that came wrong), following each leaf through the timeline."""
    asked: dict[tuple[str, int, str], set[int]] = {}
    avoided = wrong = 0
    for job, track, kind, peer, offset, length, result in trace:
        mine = asked.setdefault((job, track, peer), set())
        leaves = set(range(offset // LEAF, -(-(offset + length) // LEAF)))
        if kind == "assign":
            mine |= leaves
        elif kind in ("chunk", "take_back", "rebalance", "retract"):
            mine -= leaves
            wrong += result == "corruption"
        elif kind == "ban":
            avoided += len(mine)
    return avoided, wrong


def within_ratio(days: list[Any], min_ratio: float, grace: float) -> tuple[int, int, int]:
    """(days within, days asked, days in grace) by summing each day's week anew."""
    moved: Counter[tuple[datetime, str]] = Counter()
    for day, direction, count in days:
        moved[datetime.fromisoformat(day), direction] += count
    within = asked = excused = 0
    for day in {day for day, _ in moved}:
        up, down = (sum(moved[day - timedelta(days=back), way] for back in range(7)) for way in ("up", "down"))
        if down and up < min_ratio * down and down <= grace:
            excused += 1
        elif down:
            asked, within = asked + 1, within + (up >= min_ratio * down)
    return within, asked, excused


def test_each_figure_after_a_run_is_what_trace_ledger_and_health_table_say(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=2) as world:
            world.configure("me", fairness={"grace_gb": 1})
            new = await stats(world)
            assert {value["rate"] for value in new.values() if isinstance(value, dict)} == {None}, "never used: no share of anything"
            assert new["crates_a_month"] is None and new["doctor_runs"] == 0

            first, second = album.tracks(2)
            mono = await world.uploader("mono_lith")
            mono.hold(8 * LEAF, first.name)
            mono.hold(2 * LEAF, second.name)
            mono.rate = 600_000
            node, liar = await world.node("node", bandwidth_kbps=1600), await world.node("liar")
            assert liar.mesh is not None and node.mesh is not None
            liar.mesh.desk.providers = [Liar(liar.offers)]
            peers = [each.settings.overlay.listen for each in (node, liar)]
            listen = f"{HOST}:{free_port(HOST)}"
            engine = await world.engine(
                rescue=PATIENT, overlay={"peers": peers}, fairness={"grace_gb": 1}, playback={"listen": listen, "player": "no-such-player"}
            )
            assert engine.mesh is not None
            await until(lambda: len(engine.mesh.peers) == 2, "the nodes are connected")  # type: ignore[union-attr]
            old = [(datetime.now(UTC) - timedelta(days=back)).date().isoformat() for back in (40, 39)]
            await engine.store.ledger.add(
                [LedgerRow(old[0], "slsk", "down", "bob", 2 * GB), LedgerRow(old[1], "slsk", "up", "bob", 3 * GB)], ""
            )

            job = await world.create(engine)
            two = job.tracks[1]
            url = (await engine.submit(Command("playback.stream", {"job": job.job_id, "track": 1}))).data["url"]
            reader, writer = await asyncio.open_connection(HOST, engine.playback.port)
            writer.write(f"GET /{url.split('/', 3)[3]} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            (stream,) = engine.playback.streams.values()
            await until(lambda: stream.buffer.stalls, "the listener has heard all that came", job)
            assert (await engine.submit(Command("swarms.rescue", {"job": job.job_id, "track": 1}))).ok
            await until(lambda: two.swarm and two.swarm.part.pieces.done >= 2 * LEAF, "the second track stands still, too", job)
            assert (await engine.submit(Command("swarms.rescue", {"job": job.job_id, "track": 2}))).ok
            await completed(job)
            assert world.music() == world.truth
            await reader.read(-1)
            writer.close()
            await until(lambda: liar.mesh and engine.book.avoided(liar.mesh.identity.node_id), "the liar was found out")
            crate = ParentRecord("", ParentType.CRATE, "Warp", SafeText("Warp"), "10", members=[Member(job.record.release.mbid)])
            await engine.parents.create(crate)
            await until(lambda: all(each.state == "completed" for each in engine.parents.all()), "its one release is here")
            await slskdn(world, "library", "check")
            before = await stats(world)
            assert before["traces"] == of(0, 1) and before["manifests"] == of(0, 2), "making figures is no looking"
            for words in (("debug", "job", job.job_id), ("debug", "job", job.job_id), ("jobs", "export", job.job_id)):
                await slskdn(world, *words)
            await until(lambda: not engine.doctor.checking and not engine.doctor._due.is_set(), "no check is under way")
            told, paths = await stats(world), world.paths("me")

            trace = rows(
                paths.library_db, "SELECT job_id, track_id, kind, peer_id, chunk_offset, chunk_length, result FROM JobTraces ORDER BY seq"
            )
            rescued = {
                outcome: {(each[0], each[1]) for each in trace if each[2] == "rescue" and each[6] == outcome}
                for outcome in ("started", "succeeded")
            }
            assert told["rescues"] == of(len(rescued["succeeded"]), len(rescued["started"])) == of(2, 2)
            avoided, wrong = errors_in(trace)
            assert told["chunk_errors_avoided"] == of(avoided, avoided + wrong) and wrong >= 1
            ledger = rows(paths.state_db, "SELECT day, plane, direction, bytes, peer_id FROM LedgerDays")
            down = Counter[str]()
            for _, plane, direction, count, _ in ledger:
                down[plane] += count if direction == "down" else 0
            assert told["soulseek_bytes_saved"] == of(down["mesh"], down["mesh"] + down["slsk"])
            assert down["slsk"] == mono.total + 2 * GB and down["mesh"] >= 8 * LEAF
            within, asked, grace = within_ratio([(day, way, count) for day, _, way, count, _ in ledger], 1.0, GB)
            assert told["days_within_ratio"] == of(within, asked) == of(1, 2) and told["days_in_grace"] == grace == 1
            assert [(told["doctor_runs"],)] == rows(paths.library_db, "SELECT run FROM HealthRuns") and told["doctor_runs"] >= 1
            known = rows(paths.state_db, "SELECT recent FROM Peers WHERE last_request <> ''")
            assert (
                told["low_reputation"] == of(sum(b"c" in recent for (recent,) in known), len(known)) and told["low_reputation"]["part"] == 1
            )
            assert told["streams"] == of(0, 1) and told["playback_stalls"] == stream.buffer.stalls >= 1
            assert told["manifests"] == of(1, 2) and told["traces"] == of(1, 1), "a look twice is one job looked at"
            assert (told["crates"], told["crates_a_month"], told["discographies"]) == (1, 1, of(0, 0))
            assert told["cache"] is None and told["cache_bytes_saved"] == of(0, 0)

            await engine.stop()
            assert await stats(world) == told, "and without an engine"
            said = await slskdn(world, "stats")
            assert "Rescue success" in said and "100.0 %" in said and "Cache hits" in said

    asyncio.run(main())
