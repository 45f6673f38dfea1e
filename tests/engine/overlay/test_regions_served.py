"""Audio regions over the wire: copies with other tags serve the same bytes, only to who asked for such, and never bytes of a file that changed."""

from __future__ import annotations

import os
from pathlib import Path

from mutagen.flac import FLAC
from overlay_world import RECORDING, Collector, RawClient, dial, request_all, run, until, world

from slskdn_tui.engine.library.index import MemoryFileIndex
from slskdn_tui.engine.library.offers import LibraryOffers
from slskdn_tui.engine.overlay.frames import Kind
from slskdn_tui.engine.overlay.messages import CacheJob, RequestedTrack, decode, encode
from tests.fakes.region_files import encoded


def copy(folder: Path, comment: str) -> Path:
    """One FLAC of seven leaves under tags of its own."""
    folder.mkdir()
    path = folder / "a.flac"
    path.write_bytes(encoded("flac", 3.0))
    flac = FLAC(path)
    flac["MUSICBRAINZ_TRACKID"], flac["COMMENT"] = RECORDING, comment
    flac.save()
    return path


def test_two_copies_with_other_tags_serve_one_region(tmp_path: Path) -> None:
    async def body() -> None:
        paths = [copy(tmp_path / name, name * 1000) for name in "ab"]
        async with world() as w:
            client, halves = await w.node(9), []
            for number, path in enumerate(paths, start=1):
                offers = LibraryOffers([path.parent], MemoryFileIndex())
                await offers.scan()
                peer = await dial(client, await w.node(number, providers=[offers]))
                file, region = await peer.offers([RECORDING])
                assert (file.kind, region.kind) == ("file", "region") and file.length == path.stat().st_size
                halves.append((peer, file, region))
            (one, first, region), (two, second, same) = halves
            assert first.variant_id != second.variant_id and region == same
            assert await one.digests(region) == await two.digests(region)
            got = Collector(region, await two.digests(region))
            for peer in (one, two):
                peer.attach(region.variant_id, got)
                request_all(peer, region)
            await until(lambda: len(got.got) == 2 * region.leaves)
            assert not got.bad and got.data == encoded("flac", 3.0)[-region.length :]

            paths[1].write_bytes(paths[1].read_bytes()[:-1] + b"x")
            request_all(two, region)
            await until(lambda: sum(length for _, length, _ in got.refused) == region.length)
            assert {code for _, _, code in got.refused} == {"not_found"} and not got.bad, "it says so instead of sending other bytes"
            os.utime(paths[0])
            request_all(one, region)
            await until(lambda: sum(length for _, length, _ in got.refused) == 2 * region.length)

    run(body)


def test_who_knows_no_regions_is_offered_none(tmp_path: Path) -> None:
    async def body() -> None:
        offers = LibraryOffers([copy(tmp_path / "a", "x").parent], MemoryFileIndex())
        await offers.scan()
        async with world() as w:
            raw = await RawClient.connect(await w.node(1, providers=[offers]))
            await raw.greet()
            raw.send(Kind.CACHE_JOB, 4, encode(CacheJob(role="request", requested_tracks=[RequestedTrack(mb_recording_id=RECORDING)])))
            kind, _, answer = await raw.receive()
            assert kind == Kind.CACHE_JOB and [variant.kind for variant in decode(CacheJob, answer).offers()] == ["file"]
            raw.writer.transport.abort()

    run(body)
