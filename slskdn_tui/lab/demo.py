"""The demo's script: run the album job in the world, watch what happens, compare every file, and say what was and was not seen. Shell."""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from slskdn_tui.lab.world import NODES, SHORT, USERS, Connect, World
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.model.views import EngineEvent, JobsView, JobView, StatusView, TraceView, ViewKey
from slskdn_tui.seam import Command, EngineProtocol

WANTED = ("stall", "rescue", "ban")
"""What must be seen, beside every file being bit-identical."""

COUNTED_S = 1.5
"""Users and nodes bring their counters up to date within this."""


@dataclass(slots=True)
class Report:
    """What the demo says at the end; `--json` prints it as one object."""

    ok: bool = False
    seconds: float = 0.0
    job_id: str = ""
    tracks: int = 0
    identical: int = 0
    wrong_bytes: int = 0
    bytes_by_plane: dict[str, int] = field(default_factory=dict)
    bytes_by_peer: dict[str, int] = field(default_factory=dict)
    liar: str = ""
    banned: list[str] = field(default_factory=list)
    rescue: dict[str, Any] = field(default_factory=dict)
    bytes_from_other_tags: int = 0
    """What the node gave whose copies differ in their tags."""
    missing_events: list[str] = field(default_factory=list)
    counters: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    def json(self) -> str:
        return json.dumps(asdict(self), ensure_ascii=False)


async def run_job(world: World, connect: Connect, say: Callable[[str], None], timeout_s: float) -> Report:
    """Create the album job on the downloading node and watch it to its end (or the time-out)."""
    started = time.monotonic()
    report = Report()
    engine = await connect(world.profile)
    try:
        seen = await _watch(world, engine, report, say, timeout_s)
        report.seconds = round(time.monotonic() - started, 1)
        await _examine(world, engine, report)
        report.counters = await _counters(world, connect)
    finally:
        await engine.stop()
    report.missing_events = [name for name in WANTED if name not in seen]
    report.ok = not report.missing_events and not report.problem and report.wrong_bytes == 0 and 0 < report.tracks == report.identical
    return report


async def _watch(world: World, engine: EngineProtocol, report: Report, say: Callable[[str], None], timeout_s: float) -> set[str]:
    seen: set[str] = set()
    events = engine.events()
    try:
        async with asyncio.timeout(timeout_s):
            result = await engine.submit(Command("jobs.create", {"reference": world.reference}))
            if not result.ok:
                report.problem = f"{result.message} {result.hint}"
                return seen
            report.job_id = str(result.data["job_id"])
            async for event in events:
                _note(event, report, seen, say)
                if event.name in ("job.completed", "job.disk"):
                    break
    except TimeoutError:
        report.problem = f"not complete after {timeout_s:.0f} s"
    return seen


def _note(event: EngineEvent, report: Report, seen: set[str], say: Callable[[str], None]) -> None:
    """One event: on screen, and into the report when it is one of those that matter."""
    say(f"{event.time[11:19]} {event.part:<8} {event.text}")
    match event.name:
        case "rescue.started":
            seen.add("stall")
            report.rescue.setdefault("reasons", []).append(str(event.data.get("reason", "")))
        case "rescue.peers" if event.data.get("peers"):
            seen.add("rescue")
        case "peer.banned":
            seen.add("ban")
            report.banned.append(str(event.data.get("source", "")))
        case "rescue.refused":
            report.rescue["refused"] = str(event.data.get("why", ""))


async def _examine(world: World, engine: EngineProtocol, report: Report) -> None:
    """Compare every file with the album as it was made, and take shares and thresholds from the trace."""
    report.rescue["thresholds"] = dict(SHORT)
    if not report.job_id:
        return
    view = await engine.snapshot(ViewKey("job", report.job_id))
    assert isinstance(view, JobView)
    report.tracks = len(view.tracks)
    truth = {path.name[:2]: path for path in world.true_files().values()}
    for track in view.tracks:
        true = truth[f"{track.position:02}"]
        wrong = _difference(Path(str(track.path)) if track.path else None, true)
        report.wrong_bytes += wrong if track.path else 0
        report.identical += bool(track.path) and wrong == 0
    trace = await engine.snapshot(ViewKey("trace", report.job_id))
    assert isinstance(trace, TraceView)
    for each in trace.tracks:
        for source in each.sources:
            report.bytes_by_plane[source.plane] = report.bytes_by_plane.get(source.plane, 0) + source.bytes
            report.bytes_by_peer[str(source.name)] = report.bytes_by_peer.get(str(source.name), 0) + source.bytes


async def _counters(world: World, connect: Connect) -> dict[str, Any]:
    """What the other side counted itself: bytes each Soulseek user sent, bytes each mesh node uploaded; and which node id is which."""
    counters: dict[str, Any] = {"soulseek": {}, "mesh": {}, "node_ids": {}}
    await asyncio.sleep(COUNTED_S)
    for name in USERS:
        counters["soulseek"][name] = json.loads((world.stats / f"{name}.json").read_text())
    for name in NODES:
        engine = await connect(world.nodes[name])
        try:
            view = await engine.snapshot(ViewKey("status"))
            assert isinstance(view, StatusView)
            counters["mesh"][name] = view.mesh_up
            counters["node_ids"][name] = view.node_id
        finally:
            await engine.stop()
    return counters


def name_the_liar(report: Report) -> None:
    """Which node of the world was banned, by its role."""
    roles = {node_id: name for name, node_id in report.counters.get("node_ids", {}).items()}
    report.liar = ", ".join(sorted({roles.get(node_id, node_id) for node_id in report.banned}))


def _difference(path: Path | None, true: Path) -> int:
    """How many bytes differ (a missing byte counts)."""
    if path is None or not path.is_file():
        return true.stat().st_size
    got, want = path.read_bytes(), true.read_bytes()
    if hashlib.sha256(got).digest() == hashlib.sha256(want).digest():
        return 0
    return sum(a != b for a, b in zip(got, want, strict=False)) + abs(len(got) - len(want))


async def look_back(world: World, connect: Connect) -> Report:
    """The report of a job somebody watched on the screens: shares and files, without the events."""
    report = Report()
    engine = await connect(world.profile)
    try:
        view = await engine.snapshot(ViewKey("jobs"))
        if isinstance(view, JobsView) and view.rows:
            report.job_id = view.rows[0].job_id
        await _examine(world, engine, report)
    finally:
        await engine.stop()
    report.counters = await _counters(world, connect)
    return report


def count_other_tags(report: Report) -> None:
    """What the re-tagged node gave, by the downloader's own trace."""
    node_id = report.counters.get("node_ids", {}).get("retagged", "")
    report.bytes_from_other_tags = report.bytes_by_peer.get(short_node_id(node_id), 0) if node_id else 0


def shares(report: Report) -> list[str]:
    """Who brought what, nodes by their role in the demo."""
    roles = {short_node_id(node_id): name for name, node_id in report.counters.get("node_ids", {}).items()}
    peers = sorted(report.bytes_by_peer.items(), key=lambda item: -item[1])
    return [
        f"{report.identical} of {report.tracks} tracks bit-identical, {report.wrong_bytes} wrong bytes",
        "bytes by plane: " + ", ".join(f"{plane} {count:,}" for plane, count in sorted(report.bytes_by_plane.items())),
        "bytes by peer:  " + ", ".join(f"{peer}{f' ({roles[peer]})' if peer in roles else ''} {count:,}" for peer, count in peers),
    ]


def words(report: Report) -> str:
    """The summary for a person."""
    first, *rest = shares(report)
    lines = [
        f"{'OK' if report.ok else 'NOT OK'}: {first}, {report.seconds} s",
        *rest,
        f"other tags:     {report.bytes_from_other_tags:,} bytes from the copy that differs in its tags",
        f"liar caught:    {report.liar or 'nobody'}",
        f"rescue:         {'; '.join(dict.fromkeys(report.rescue.get('reasons', []))) or 'none'}",
        f"thresholds shortened for the demo: queued {SHORT['queued_s']:.0f} s (1800), no byte {SHORT['no_bytes_s']:.0f} s (120), "
        f"slow {SHORT['slow_s']:.0f} s (300)",
    ]
    if report.missing_events:
        lines.append("missing events: " + ", ".join(report.missing_events))
    if report.problem:
        lines.append("problem: " + report.problem)
    return "\n".join(lines)
