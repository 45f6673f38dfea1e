"""A file that is worse than what the mesh holds for the best: told by the doctor, and replaced by a job."""

from __future__ import annotations

import asyncio
from pathlib import Path

import numpy as np
import pytest
import soundfile
from engine_world import Album, World, completed, put, release_of, sha
from mutagen.flac import FLAC

from slskdn_tui.engine.content.digests import LeafDigests
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.library.health.group_rules import canonical_issue
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.model.aggregates import VariantChoice
from slskdn_tui.model.audio import AudioFacts
from slskdn_tui.model.health import HealthView, Issue
from slskdn_tui.model.heard import HeardVariant, Voice
from slskdn_tui.model.library import LibraryFile, Stage
from slskdn_tui.model.library_view import LibraryView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant
from slskdn_tui.model.views import ViewKey
from slskdn_tui.seam import Command

pytestmark = pytest.mark.usefixtures("quick")
PROFILE = "FLAC-16bit-44100Hz-2ch"


def louder(source: Path, target: Path) -> None:
    """The same music driven into clipping, with the same tags."""
    samples, rate = soundfile.read(source, dtype="float64")
    soundfile.write(target, np.clip(samples * 30, -1, 1), rate, subtype="PCM_16")
    old, new = FLAC(source), FLAC(target)
    for key, value in old.tags:
        new[key] = [*new.get(key, []), value]
    new.save()


def file_id(data: bytes) -> str:
    digests = LeafDigests()
    digests.update(data)
    return digests.finish()


async def tell(engine: Engine, track: Path, number: int, peers: int, score: float) -> None:
    """So many known peers of the mesh have that file and score it so."""
    assert engine.aggregates is not None
    data = track.read_bytes()
    recording = [each.recording for medium in release_of(2).media for each in medium.tracks][number]
    variant = Variant(file_id(data), "file", len(data), recording, "FLAC", PROFILE, score=score)
    for peer in range(1, peers + 1):
        node = f"{peer:02x}" * 32
        engine.book.outcome(node, ChunkOutcome.OK)
        engine.aggregates.advertised(Voice(node, f"127.9.{peer}.1"), [HeardVariant(variant)], (), whole=True)
    await engine.aggregates.flush()


async def issues(engine: Engine) -> list[Issue]:
    await engine.submit(Command("library.check"))
    view = await engine.snapshot(ViewKey("health"))
    assert isinstance(view, HealthView)
    return [row.issue for row in view.rows]


async def badge_of(engine: Engine, path: Path) -> str:
    """What the Library screen says of a file."""
    view = await engine.snapshot(ViewKey("library", str(path)))
    assert isinstance(view, LibraryView)
    return next(iter({row.canonical for row in view.rows}), SafeText(""))


@pytest.mark.parametrize(
    ("score", "peers", "own", "told"), [(0.9, 2, False, True), (0.9, 1, False, False), (0.84, 9, False, False), (0.9, 9, True, False)]
)
def test_only_a_clearly_better_variant_that_several_have_and_we_do_not_is_told(score: float, peers: int, own: bool, told: bool) -> None:
    file = LibraryFile("/m/1.flac", 1, 5, 1, facts=AudioFacts("FLAC", PROFILE), recording="r", variant_id="aa", quality_score=0.75)
    known = [VariantChoice("r", PROFILE, "bb", 9, score, peers, own, canonical=True)]
    issue = canonical_issue(file, known, ("aa", ""))
    assert (issue is not None) is told
    assert canonical_issue(file, known, ("aa", "bb")) is None  # it is that variant, with other tags


@pytest.mark.slow
def test_a_file_worse_than_what_the_mesh_holds_for_the_best_is_told_and_replaced(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            holder = await world.holder("b_good")
            one, two = album.tracks(2)
            folder = tmp_path / "library" / "Plone"
            put(folder, [one])
            louder(two, folder / two.name)
            engine = await world.engine(library={"folders": [str(folder.parent)]}, soulseek={"share": [str(folder.parent)]})
            await engine.submit(Command("library.scan"))

            async def decoded() -> bool:
                files = [await engine.store.files.file(str(folder / each.name)) for each in (one, two)]
                return all(file is not None and file.release and file.variant_id and file.stage == Stage.TESTED for file in files)

            async with asyncio.timeout(120):
                while not await decoded():
                    await asyncio.sleep(0.05)
            assert await issues(engine) == []  # the mesh has said nothing
            await tell(engine, two, 1, peers=3, score=0.99)
            (bad,) = await issues(engine)
            assert (bad.kind, bad.path, bad.fix.kind) == ("non_canonical", str(folder / two.name), "replace")
            assert "0.99 as 3 peers say" in bad.evidence[0].words, bad

            begun = await engine.submit(Command("library.fix", {"issue": [bad.key]}))
            (job_id,) = begun.data["jobs"]
            await completed(engine.runner.find(job_id))
            assert sha(folder / two.name) == world.truth[1] and set(holder.sent) == {two.name}
            (old,) = engine.trash.entries()
            assert old.path == str(folder / two.name)
            async with asyncio.timeout(120):
                while await issues(engine):
                    await asyncio.sleep(0.05)
            async with asyncio.timeout(60):  # what is known of a recording is kept for some seconds
                while not (badge := str(await badge_of(engine, folder / two.name))):
                    await asyncio.sleep(0.1)
            assert badge.startswith("canonical 0.9") and badge.endswith(", 3 peers agree")
            assert await badge_of(engine, folder / one.name) == "", "nobody in the mesh speaks of that one"

    asyncio.run(main())
