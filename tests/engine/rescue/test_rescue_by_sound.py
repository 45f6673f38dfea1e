"""Files got without a release name no recording; with an AcoustID key what has come of them tells, and the mesh delivers the rest."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from engine_world import LEAF, LONG, Album, completed, sha, until, uploaded
from rescue_world import PATIENT, RescueWorld, traced

from slskdn_tui.engine.audio.check import AudioChecker
from slskdn_tui.lab.acoustid import KEY
from slskdn_tui.lab.album import make_album, retag
from slskdn_tui.model.finding import make_ref
from slskdn_tui.seam import Command

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]
SECONDS = 64


@pytest.fixture(scope="module")
def long_track(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A track of about a minute: with its MusicBrainz ids, as a node offers it, and as a user has it, with none."""
    from dataclasses import replace

    from engine_world import release_of

    root = tmp_path_factory.mktemp("long")
    (path,) = make_album(root, replace(release_of(1)), SECONDS)
    plain = root / "plain"
    plain.mkdir()
    (bare,) = retag(path, plain / "x.flac", keep_ids=False)
    return path, bare


async def heard(path: Path) -> str:
    checker = AudioChecker()
    try:
        return (await checker.analyse(path, want=("fingerprint",))).fingerprint
    finally:
        await checker.close()


def play(tmp_path: Path, album: Album, long_track: tuple[Path, Path], hold: float, known: bool, story: Any) -> None:
    async def main() -> None:
        async with RescueWorld(tmp_path, album, tracks=1) as world:
            true, bare = long_track
            recording = world.stub.world.releases[0].media[0].tracks[0].recording
            if known:
                world.stub.sounds.hear(await heard(bare), SECONDS, recording, sources=9)
            mono, node = await world.uploader("mono_lith", [bare]), await world.node("node", [true])
            held = int(bare.stat().st_size * hold) // LEAF * LEAF
            mono.hold(held)
            engine = await world.engine(
                clock=world.clock,
                rescue={**PATIENT, "no_bytes_s": LONG},
                overlay={"peers": [node.settings.overlay.listen]},
                acoustid={"url": world.stub.url, "key": KEY},
            )
            await until(lambda: engine.mesh and len(engine.mesh.peers) == 1, "the node is connected")
            await engine.soulseek.wait_online()
            folder = f"@@{mono.shares.shared_directories[0].alias}\\Plone - For Beginner Piano"
            made = await engine.submit(Command("get.add", {"refs": [make_ref("mono_lith", f"{folder}\\{bare.name}")]}))
            assert made.ok, made
            job = engine.runner.find(made.data["job_id"])
            await world.stalls(job, held)
            await story(world, engine, job, mono, node, recording)

    asyncio.run(main())


def test_a_stalled_file_without_ids_is_recognised_and_finished_by_the_mesh(
    tmp_path: Path, album: Album, long_track: tuple[Path, Path]
) -> None:
    async def story(world: RescueWorld, engine: Any, job: Any, mono: Any, node: Any, recording: str) -> None:
        await until(lambda: world.said("me", "rescue.recognised"), "its sound is recognised", job)
        assert recording in world.said("me", "rescue.recognised")[0]
        await until(
            lambda: job.tracks[0].swarm is None or job.tracks[0].swarm.tail_only or job.record.state == "completed",
            "the mesh gave the audio",
            job,
        )
        mono.let_go()
        await completed(job)
        assert world.music() == [sha(long_track[1])]
        assert await uploaded(node) > 10 * LEAF
        asked = [seen for seen in world.stub.seen if seen.path == "/v2/lookup"]
        assert len(asked) == 1 and abs(int(asked[0].query["duration.0"]) - SECONDS) <= 1
        assert not list(engine.paths.cache.glob("head-*"))

    play(tmp_path, album, long_track, 0.7, True, story)


@pytest.mark.parametrize(("hold", "known", "why"), [(0.3, True, "30 are needed"), (0.7, False, "does not know its sound")])
def test_less_than_half_a_minute_or_an_unknown_sound_is_no_recording(
    tmp_path: Path, album: Album, long_track: tuple[Path, Path], hold: float, known: bool, why: str
) -> None:
    async def story(world: RescueWorld, engine: Any, job: Any, mono: Any, node: Any, recording: str) -> None:
        await until(lambda: why in job.tracks[0].unrescued, "it is told why nobody is asked", job)
        assert "names no MusicBrainz recording" in job.tracks[0].unrescued
        assert not world.said("me", "rescue.recognised") and not world.said("me", "rescue.refused")
        assert [event.words for event in await traced(engine, job, "rescue") if event.result == "unknown" and why in event.words]
        assert not job.tracks[0].swarm.members
        mono.let_go()
        await completed(job)
        assert world.music() == [sha(long_track[1])] and await uploaded(node) == 0

    play(tmp_path, album, long_track, hold, known, story)
