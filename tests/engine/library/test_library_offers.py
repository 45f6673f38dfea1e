"""What a node offers: tagged music in its folders, byte for byte as hashed, and nothing else."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.content.digests import LeafDigests, leaf_digest, split_page
from slskdn_tui.engine.library import offers as offers_module
from slskdn_tui.engine.library.index import MemoryFileIndex
from slskdn_tui.engine.library.offers import LibraryOffers
from slskdn_tui.engine.library.safe_open import open_beneath
from slskdn_tui.engine.store.store import Store
from slskdn_tui.lab import data
from slskdn_tui.lab.album import make_album, retag
from slskdn_tui.model.library import Identity
from slskdn_tui.model.ports import ChunkProvider
from slskdn_tui.model.variant import LEAF

LOVE_BUG = data.load("the_love_bug")[0]
RECORDINGS = [track.recording for track in LOVE_BUG.media[0].tracks]


@pytest.fixture(scope="module")
def master(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("master")
    make_album(folder, LOVE_BUG, seconds=2)
    return folder / "m-flo - the Love Bug"


@pytest.fixture
def music(master: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "music" / "album"
    folder.mkdir(parents=True)
    for path in master.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def songs(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.flac"))


def play(story: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(60):
            await story()

    asyncio.run(run())


def test_a_scan_offers_tagged_files_and_serves_their_very_bytes(music: Path) -> None:
    (music / "cover.jpg").write_bytes(b"no music")

    async def story() -> None:
        offers = LibraryOffers([music.parent], MemoryFileIndex())
        provider: ChunkProvider = offers
        summary = await offers.scan()
        assert (summary.seen, summary.hashed, summary.unchanged, summary.failed) == (3, 3, 0, [])
        assert summary.bytes_hashed == sum(path.stat().st_size for path in songs(music))
        assert offers.recordings() == tuple(sorted(RECORDINGS))
        for path, recording in zip(songs(music), RECORDINGS, strict=True):
            variant, region = provider.find([recording])
            content = path.read_bytes()
            digests = LeafDigests()
            digests.update(content)
            assert variant.variant_id == digests.finish() and variant.length == len(content) and variant.kind == "file"
            assert variant.codec_profile == "FLAC-16bit-44100Hz-2ch" and len(bytes.fromhex(variant.streaminfo)) == 34
            assert variant.recording_mbid == recording and variant.duration_ms
            reader = provider.open(variant.variant_id)
            assert reader is not None and reader.variant == variant
            assert b"".join(reader.read(at, min(LEAF, variant.length - at)) for at in range(0, variant.length, LEAF)) == content
            leaves = split_page(reader.digest_page(0))
            assert len(leaves) == variant.leaves and leaves[0] == leaf_digest(content[:LEAF]) and reader.digest_page(1) == b""
            with pytest.raises(LookupError):
                reader.read(variant.length - 10, 20)
            reader.close()
            audio = content[-region.length :]
            assert region.kind == "region" and region.streaminfo == variant.streaminfo and audio[:1] == b"\xff"
            inner = provider.open(region.variant_id)
            assert inner is not None and inner.variant == region
            assert b"".join(inner.read(at, min(LEAF, region.length - at)) for at in range(0, region.length, LEAF)) == audio
            assert split_page(inner.digest_page(0))[0] == leaf_digest(audio[:LEAF])
            with pytest.raises(LookupError):
                inner.read(region.length - 10, 20)
            inner.close()
            with pytest.raises(LookupError):
                reader.read(0, 10)
        assert provider.find(["0" * 36]) == () and provider.open("f" * 64) is None

    play(story)


def test_an_unchanged_file_is_not_hashed_again_not_even_after_a_restart(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = MemoryFileIndex()

    async def story() -> None:
        await LibraryOffers([music.parent], index).scan()
        again = LibraryOffers([music.parent], index)
        assert await again.load() == 3
        assert len(again.variants()) == 6, "offered before any scan"
        summary = await again.scan()
        assert (summary.seen, summary.unchanged, summary.read, summary.hashed) == (3, 3, 0, 0)
        first = songs(music)[0]
        os.utime(first, ns=(1, 1))
        songs(music)[1].unlink()
        summary = await again.scan()
        assert (summary.seen, summary.unchanged, summary.hashed, summary.dropped) == (2, 1, 1, 1)
        assert len(again.variants()) == 4 and len(index.rows) == 2 and again.find([RECORDINGS[1]]) == ()

    play(story)


def test_a_file_that_changed_since_it_was_hashed_is_never_served(music: Path) -> None:
    async def story() -> None:
        offers = LibraryOffers([music.parent], MemoryFileIndex())
        await offers.scan()
        path = songs(music)[0]
        variant, region = offers.find([RECORDINGS[0]])
        reader = offers.open(variant.variant_id)
        assert reader is not None
        with path.open("r+b") as file:
            file.seek(1000)
            file.write(b"other bytes")
        os.utime(path, ns=(5, 5))
        with pytest.raises(LookupError):
            reader.read(0, LEAF)
        assert offers.open(variant.variant_id) is None and offers.open(region.variant_id) is None

    play(story)


def test_links_hidden_and_unfinished_files_are_not_offered(music: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    secret = outside / "secret.flac"
    first, second, third = songs(music)
    first.rename(secret)
    first.symlink_to(secret)
    (music.parent / "linked").symlink_to(outside)
    second.rename(music / ".hidden.flac")
    (music / "incomplete").mkdir()
    third.rename(music / "incomplete" / third.name)
    os.mkfifo(music / "fifo.flac")

    async def story() -> None:
        offers = LibraryOffers([music.parent], MemoryFileIndex())
        summary = await offers.scan()
        assert summary.seen == 0 and offers.variants() == ()

    play(story)
    for path in ("album/" + first.name, "linked/secret.flac", "album/fifo.flac", "../outside/secret.flac", "album", ""):
        with pytest.raises(OSError):
            open_beneath(str(music.parent), path)


def test_a_folder_swapped_for_a_link_after_the_scan_leads_nowhere(music: Path, tmp_path: Path) -> None:
    async def story() -> None:
        offers = LibraryOffers([music.parent], MemoryFileIndex())
        await offers.scan()
        variant, _ = offers.find([RECORDINGS[0]])
        music.rename(tmp_path / "elsewhere")
        music.symlink_to(tmp_path / "elsewhere")
        assert offers.open(variant.variant_id) is None

    play(story)


def test_a_shared_folder_that_is_itself_a_link_is_the_users_choice(music: Path, tmp_path: Path) -> None:
    link = tmp_path / "share"
    link.symlink_to(music.parent)

    async def story() -> None:
        offers = LibraryOffers([link], MemoryFileIndex())
        assert (await offers.scan()).hashed == 3
        assert offers.open(offers.variants()[0].variant_id) is not None

    play(story)


def test_copies_with_other_tags_are_two_files_and_one_region(music: Path) -> None:
    async def story() -> None:
        retag(songs(music)[0], music / "99 copy.flac")
        offers = LibraryOffers([music.parent], MemoryFileIndex())
        await offers.scan()
        one, other, region = offers.find([RECORDINGS[0]])
        assert one.variant_id != other.variant_id and one.streaminfo == other.streaminfo == region.streaminfo
        assert (one.kind, other.kind, region.kind) == ("file", "file", "region")
        (music / "100 same.flac").write_bytes(songs(music)[1].read_bytes())
        await offers.scan()
        assert len(offers.find([RECORDINGS[0]])) == 3, "the same bytes twice are one variant"
        songs(music)[0].unlink()
        reader = offers.open(region.variant_id)
        assert reader is not None and reader.read(0, 2) == b"\xff\xf8", "either copy serves the region"
        reader.close()

    play(story)


def test_a_file_hashed_by_an_older_version_is_served_and_looked_at_again(music: Path) -> None:
    index = MemoryFileIndex()

    async def story() -> None:
        await LibraryOffers([music.parent], index).scan()
        for path, entry in index.rows.items():
            index.rows[path] = replace(entry, region_id=None, region_start=0, region_length=0, region_digests=b"")
        offers = LibraryOffers([music.parent], index)
        await offers.load()
        (variant,) = offers.find([RECORDINGS[0]])
        reader = offers.open(variant.variant_id)
        assert reader is not None
        reader.close()
        assert (await offers.scan()).hashed == 3 and len(offers.variants()) == 6
        assert (await offers.scan()).hashed == 0

    play(story)


def test_a_finished_download_is_offered_at_once_and_kept_by_scans(music: Path) -> None:
    untagged = music / "untagged.wav"
    untagged.write_bytes(b"RIFF" + bytes(100_000))
    wanted = "11111111-2222-4333-8444-555555555555"
    index, calls = MemoryFileIndex(), []

    async def story() -> None:
        offers = LibraryOffers([music.parent], index, downloads_only=True, changed=lambda: calls.append(1))
        assert (await offers.scan()).seen == 0, "nothing but downloads is looked at"
        variant = await offers.add_file(untagged, wanted)
        assert variant is not None and offers.find([wanted]) == (variant,) and calls
        assert await offers.add_file("/etc/hostname", wanted) is None
        with pytest.raises(ValueError):
            await offers.add_file(untagged, "x")
        summary = await offers.scan()
        assert (summary.seen, summary.unchanged) == (1, 1)
        again = LibraryOffers([music.parent], index, downloads_only=True)
        assert await again.load() == 1 and again.find([wanted]) == (variant,)
        os.utime(untagged, ns=(7, 7))
        assert (await again.scan()).hashed == 1 and again.find([wanted]) == (variant,), "its recording is remembered"

    play(story)


def test_a_file_without_tags_is_offered_once_it_is_known_what_it_is_and_no_longer_when_it_changes(music: Path, tmp_path: Path) -> None:
    path = songs(music)[0]
    bare = retag(path, music / "bare.flac", keep_ids=False)[0]
    for each in songs(music):
        if each != bare:
            each.unlink()

    async def story() -> None:
        store = await Store.open(Paths.of(tmp_path / "profile"))
        offers = LibraryOffers([music.parent], store.files)
        await offers.scan()
        assert offers.recordings() == ()
        await store.files.identify([Identity(str(bare), RECORDINGS[0], identified="acoustid")])
        await offers.load()
        assert (await offers.scan()).hashed == 1 and offers.recordings() == (RECORDINGS[0],)
        again = LibraryOffers([music.parent], store.files)
        await again.load()
        assert again.recordings() == (RECORDINGS[0],) and (await again.scan()).unchanged == 1
        os.utime(bare, ns=(1, 1))
        assert (await again.scan()).hashed == 0 and again.recordings() == ()
        for each in (offers, again):
            each.close()
        await store.close()

    play(story)


def test_a_folder_that_is_gone_for_now_does_not_empty_the_index(music: Path, tmp_path: Path) -> None:
    index = MemoryFileIndex()

    async def story() -> None:
        offers = LibraryOffers([music.parent], index)
        await offers.scan()
        music.parent.rename(tmp_path / "unmounted")
        summary = await offers.scan()
        assert len(index.rows) == 3 and summary.dropped == 0 and "cannot be listed" in summary.failed[0][1]

    play(story)


def test_a_cancelled_scan_stops_and_keeps_what_it_has(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = MemoryFileIndex()
    real = offers_module._examine
    third = songs(music)[2].name

    async def story() -> None:
        loop, reached = asyncio.get_running_loop(), asyncio.Event()

        def slow(root: str, relative: str, recording: str, stop: object) -> object:
            if relative.endswith(third):
                loop.call_soon_threadsafe(reached.set)
                stop.wait(30)  # type: ignore[attr-defined]
            return real(root, relative, recording, stop)  # type: ignore[arg-type]

        monkeypatch.setattr(offers_module, "_examine", slow)
        offers = LibraryOffers([music.parent], index)
        task = asyncio.ensure_future(offers.scan())
        await reached.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert len(index.rows) == 2 and len(offers.variants()) == 4
        monkeypatch.setattr(offers_module, "_examine", real)
        summary = await offers.scan()
        assert (summary.unchanged, summary.hashed) == (2, 1)

    play(story)


def test_damaged_and_foreign_files_do_not_stop_a_scan(music: Path) -> None:
    (music / "a.flac").write_bytes(b"fLaC\x00\x00\x00\x22" + random.Random(1).randbytes(500))
    (music / "b.mp3").write_bytes(random.Random(2).randbytes(5000))
    (music / "c.m4a").write_bytes(b"\0\0\0\x20ftypM4A " + random.Random(1).randbytes(500))
    (music / "d.ogg").write_bytes(b"")
    with open(os.fsencode(music) + b"/\xff\xfe.flac", "wb") as file:
        file.write(songs(music)[0].read_bytes())

    async def story() -> None:
        offers = LibraryOffers([music.parent], MemoryFileIndex())
        summary = await offers.scan()
        assert summary.seen == 8 and summary.hashed == 4 and not summary.failed
        assert len(offers.variants()) == 6

    play(story)
