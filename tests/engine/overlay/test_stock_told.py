"""Over sockets: what a node's library knows of a file arrives at its neighbour with the advert."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path

import numpy
import soundfile
from mutagen.flac import FLAC
from overlay_world import RECORDING, dial, run, until, world

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.library.offers import LibraryOffers
from slskdn_tui.engine.library.scan.worker import read_file
from slskdn_tui.engine.mesh_stock import MeshStock
from slskdn_tui.engine.overlay.gossip.gossip import Gossip, Serving
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict
from slskdn_tui.model.heard import HeardVariant, Voice
from slskdn_tui.model.library import Stage
from slskdn_tui.model.text import SafeText
from tests.fakes.heard import Ear, FilledStock

RELEASE = "c0d0c0a4-4a26-4d74-9c02-67c9321b3b22"


class Keeper(Ear):
    """Keeps the variants as they were heard."""

    def __init__(self) -> None:
        super().__init__()
        self.variants: list[HeardVariant] = []

    def advertised(self, voice: Voice, variants: Sequence[HeardVariant], gone: Sequence[str], *, whole: bool) -> None:
        super().advertised(voice, variants, gone, whole=whole)
        self.variants += variants


def song(folder: Path) -> Path:
    folder.mkdir()
    path = folder / "01.flac"
    soundfile.write(path, numpy.random.default_rng(1).uniform(-0.5, 0.5, (4410, 2)), 44_100)
    tags = FLAC(path)
    tags.update(title="Title", musicbrainz_trackid=RECORDING, musicbrainz_albumid=RELEASE, label="Creation")
    tags.save()
    return path


def test_a_neighbour_hears_score_verdict_and_label_of_what_is_offered_and_hears_again_when_they_change(tmp_path: Path) -> None:
    async def main() -> None:
        path = song(tmp_path / "music")
        store = await Store.open(Paths.of(tmp_path / "profile"))
        offers = LibraryOffers([path.parent], store.files)
        await offers.scan()
        stock = MeshStock(SystemClock(), Serving, lambda: True)
        stock.open(offers, store.files.qualities)
        me, other, ear = NodeIdentity.ephemeral(), NodeIdentity.ephemeral(), Keeper()
        telling = Gossip(me.node_id, me, stock, SystemClock(), random.Random(1), [])
        hearing = Gossip(other.node_id, other, FilledStock(), SystemClock(), random.Random(2), [ear])
        async with world() as there:
            giver = await there.node(1, identity=me, talk=telling, providers=[offers])
            await dial(await there.node(2, identity=other, talk=hearing), giver)
            telling.round()
            await until(lambda: bool(ear.variants))
            unknown = ear.variants.pop()
            assert (unknown.variant.score, unknown.verdict, unknown.label, unknown.release_mbid) == (None, "", "", "")
            file = await asyncio.to_thread(read_file, str(path.parent), str(path), 1.0)
            assert file is not None
            await store.files.put_scanned([file])
            verdict = TranscodeVerdict("confirmed", "MP3", 21.5, 15.0, 1)
            facts = AudioFacts(
                "FLAC", dynamic_range=7.25, verdict=verdict, encoder_signature=SafeText("libFLAC 1.4.3"), quality_score=0.31, lossless=True
            )
            assert await store.files.put_facts(file.path, file.stamp, facts, Stage.TESTED, 2.0)
            telling.round()
            assert not ear.variants  # nobody said that anything changed: at rest a round costs nothing
            stock.changed()
            telling.round()
            await until(lambda: bool(ear.variants))
            (heard,) = ear.variants
            assert (heard.variant.score, heard.verdict, heard.verdict_method, heard.measurement) == (0.31, "confirmed", "grid-1", 21.5)
            assert (heard.dynamic_range, heard.encoder_signature, heard.transcode_suspect) == (7.25, "libFLAC 1.4.3", True)
            assert (heard.label, heard.release_mbid) == ("Creation", RELEASE)
        offers.close()
        await store.close()

    run(main)
