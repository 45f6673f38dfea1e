"""What the scanner knows of files, in library.db."""

import asyncio
import json
from dataclasses import replace

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.store.library.rows import KEYS
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict
from slskdn_tui.model.files import FileEntry
from slskdn_tui.model.library import FileTags, Identity, LibraryFile, Stage
from slskdn_tui.model.text import SafeText

ODD = "/music/caf\udce9/01 \udcff.flac"
R1, R2, ALBUM = (f"{n}0000000-0000-4000-8000-000000000000" for n in "123")
TAGS = FileTags(
    SafeText("Title"), SafeText("Artist"), SafeText("Album"), track=3, track_total=9, date=SafeText("1999"), recording=R1, release=ALBUM
)
HEAD = AudioFacts(
    "FLAC", "FLAC-16bit-44100Hz-2ch", sample_rate=44100, bits=16, channels=2, duration_ms=200_000, bitrate=900, audio_md5="a" * 32
)
VERDICT = TranscodeVerdict("confirmed", "MP3", 4.5, 3.0, 1, (SafeText("the MP3 grid stands out"),))
FACTS = AudioFacts(
    "FLAC", "FLAC-16bit-44100Hz-2ch", "FLAC", 44100, 16, 2, 200_000, 900, True, -9.5, 6.0, -0.1, 7.5, True, 12, 16_000,
    SafeText("reference libFLAC 1.3.2"), "a" * 32, True, "AQAAfingerprint", 120, VERDICT,
)  # fmt: skip


def scanned(path="/music/a.flac", mtime=1, **more):
    return LibraryFile(path, mtime, 1000, 7, **{"stage": Stage.TAGS, "tags": TAGS, "facts": HEAD, "scanned_at": 5.0, **more})


def on_store(tmp_path, work):
    async def run():
        store = await Store.open(Paths.of(tmp_path))
        try:
            return await work(store)
        finally:
            await store.close()

    return asyncio.run(run())


async def measured(files, path="/music/a.flac", mtime=1, **more):
    await files.put_scanned([scanned(path, mtime, **more)])
    assert await files.put_facts(path, (mtime, 1000, 7), FACTS, Stage.TESTED, 9.0)


def test_everything_known_of_a_file_comes_back_even_under_a_name_that_is_not_utf8(tmp_path):
    async def work(store):
        await measured(store.files, ODD)
        await store.files.put_quality([(ODD, 0.25, ["it was lossy once"])])
        file = await store.files.file(ODD)
        return file, await store.files.fingerprints([ODD, "/none"]), await store.files.of_folder("/music/caf\udce9")

    file, prints, inside = on_store(tmp_path, work)
    assert file.facts == replace(FACTS, fingerprint="", fingerprint_duration=None, quality_score=0.25, score_reasons=("it was lossy once",))
    assert (file.path, file.stamp, file.tags, file.stage, file.scanned_at) == (ODD, (1, 1000, 7), TAGS, Stage.TESTED, 9.0)
    assert (file.recording, file.release, file.identified) == (R1, ALBUM, "tags")
    assert (file.quality_score, file.quality_reasons, file.transcode_suspect) == (0.25, ("it was lossy once",), True)
    assert prints == {ODD: ("AQAAfingerprint", 120)} and inside == [file]


def test_facts_of_a_file_that_changed_while_it_was_decoded_are_not_kept(tmp_path):
    async def work(store):
        await store.files.put_scanned([scanned(mtime=2)])
        return await store.files.put_facts("/music/a.flac", (1, 1000, 7), FACTS, Stage.TESTED, 9.0), await store.files.file("/music/a.flac")

    kept, file = on_store(tmp_path, work)
    assert not kept and file.stage == Stage.TAGS and file.facts.loudness_lufs is None


def test_files_are_counted_by_the_release_they_were_found_to_be_of(tmp_path):
    async def work(store):
        await store.files.put_scanned([scanned(f"/music/{place}.flac") for place in range(3)])
        await store.files.identify([Identity("/music/2.flac", R2, R1)])
        await store.files.put_missing(["/music/0.flac"], 9.0)
        return await store.files.held_releases([R1, R2, ALBUM])

    assert on_store(tmp_path, work) == {R1: 1, ALBUM: 1}


@pytest.mark.parametrize("offer_first", [False, True])
@pytest.mark.parametrize(("md5", "kept"), [("a" * 32, True), ("b" * 32, False), ("", False)])
def test_a_retagged_flac_keeps_its_analysis_and_one_with_other_audio_does_not(tmp_path, md5, kept, offer_first):
    async def work(store):
        await measured(store.files)
        await store.files.identify([Identity("/music/a.flac", R2, ALBUM, "77", "acoustid")])
        if offer_first:
            await store.files.put([offered("/music/a.flac", mtime=2, recording="")])
        await store.files.put_scanned([scanned(mtime=2, facts=replace(HEAD, audio_md5=md5))])
        return await store.files.file("/music/a.flac"), await store.files.fingerprints(["/music/a.flac"])

    file, prints = on_store(tmp_path, work)
    assert (file.stage == Stage.TESTED, file.facts.loudness_lufs == -9.5, bool(prints)) == (kept, kept, kept)
    assert (file.recording, file.discogs_release) == ((R2, "77") if kept else (R1, ""))


def test_a_file_to_be_looked_at_again_is_read_anew(tmp_path):
    async def work(store):
        await measured(store.files)
        await store.files.look_again(["/music/a.flac"])
        before = await store.files.file("/music/a.flac")
        await store.files.put_scanned([scanned()])
        return before.stage, (await store.files.file("/music/a.flac")).stage

    assert on_store(tmp_path, work) == (Stage.NEW, Stage.TAGS)


def offered(path, mtime=1, recording=R1, **more):
    return FileEntry(path, mtime, 1000, 7, recording, "FLAC", variant_id="v" * 64, digests=b"d" * 32, region_id="", **more)


def test_offer_and_scan_of_one_file_leave_each_others_facts_alone(tmp_path):
    async def work(store):
        files = store.files
        await files.put([offered("/music/a.flac", recording=R2, download=True)])
        await measured(files)
        await files.put([offered("/music/a.flac", recording=R2, download=True)])
        both = await files.file("/music/a.flac"), await files.entries(), files.digests("/music/a.flac")
        await measured(files, "/music/only-scanned.flac")
        listed = [row.path for row in await files.entries()]
        await files.drop(["/music/a.flac", "/music/only-scanned.flac"])
        return both, listed, await files.entries(), await files.file("/music/a.flac"), files.digests("/music/a.flac")

    (file, entries, digests), listed, after, kept, gone = on_store(tmp_path, work)
    assert (file.stage, file.variant_id, file.recording, file.identified) == (Stage.TESTED, "v" * 64, R2, "download")
    assert entries == [offered("/music/a.flac", recording=R2, download=True).brief()] and digests == b"d" * 32
    assert listed == ["/music/a.flac"] and after == [] and gone == b""
    assert kept.stage == Stage.TESTED and kept.variant_id == ""


def test_a_file_that_an_offer_finds_changed_is_read_again_by_the_scan_and_the_other_way_round(tmp_path):
    async def work(store):
        await measured(store.files)
        await store.files.put([offered("/music/a.flac", mtime=2)])
        by_offer = await store.files.file("/music/a.flac")
        await store.files.put_scanned([scanned(mtime=3)])
        return by_offer.stage, (await store.files.file("/music/a.flac")).variant_id, await store.files.entries()

    assert on_store(tmp_path, work) == (Stage.NEW, "", [])


def test_a_renamed_file_keeps_all_that_is_known(tmp_path):
    async def work(store):
        await measured(store.files)
        await store.files.put([offered("/music/a.flac")])
        await store.files.put_missing(["/music/a.flac"], 3.0)
        await store.files.move([("/music/a.flac", ODD)])
        files = store.files
        return await files.file("/music/a.flac"), await files.file(ODD), await files.fingerprints([ODD]), files.digests(ODD)

    gone, file, prints, digests = on_store(tmp_path, work)
    assert gone is None and file.stage == Stage.TESTED and file.missing_at is None and prints and digests == b"d" * 32


def test_missing_files_are_kept_and_not_counted_as_owned_until_they_are_forgotten(tmp_path):
    async def work(store):
        files = store.files
        await measured(files)
        owned = (
            await files.of_sizes([1000]),
            {recording for recording, _ in await files.held_recordings([R1])},
            len(await files.of_recording(R1)),
        )
        await files.put_missing(["/music/a.flac"], 3.0)
        await files.put_missing(["/music/a.flac"], 8.0)
        missing = (
            await files.of_sizes([1000]),
            {recording for recording, _ in await files.held_recordings([R1])},
            len(await files.of_recording(R1)),
        )
        since, counts = (await files.file("/music/a.flac")).missing_at, await files.counts()
        return owned, missing, since, counts.missing, await files.forget_missing(), await files.file("/music/a.flac")

    owned, missing, since, counted, forgotten, file = on_store(tmp_path, work)
    assert owned == ([("/music/a.flac", 1000)], {R1}, 1) and missing == ([], set(), 0)
    assert (since, counted, forgotten, file) == (3.0, 1, 1, None)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("sort", list(KEYS))
def test_pages_of_every_sort_hold_each_file_once_in_order_over_an_index(tmp_path, sort, descending):
    async def work(store):
        files = [
            LibraryFile(
                f"/m/{n:02d}", 1, n % 4, n, Stage.TAGS, replace(TAGS, artist=SafeText(f"A{n % 3}")), replace(HEAD, bitrate=n % 5 or None),
                scanned_at=float(n % 7),
            )
            for n in range(40)
        ]  # fmt: skip
        await store.files.put_scanned(files)
        await store.files.put_quality([(f"/m/{n:02d}", n % 6 / 10, []) for n in range(20)])
        out, after = [], None
        while True:
            rows, after = await store.files.page(sort, descending=descending, after=after, limit=7)
            out += rows
            if after is None:
                break
        key, order = KEYS[sort], "DESC" if descending else "ASC"
        plan = await store.library.fetch(
            f"EXPLAIN QUERY PLAN SELECT * FROM HashDb WHERE stage > 0 AND ({key}, path) > (?, ?) ORDER BY {key} {order}, path {order}",
            (1, ""),
        )
        whole, _ = await store.files.page(sort, descending=descending)
        return out, whole, json.dumps([row[3] for row in plan])

    out, whole, plan = on_store(tmp_path, work)
    assert len({file.path for file in out}) == 40 and out == whole
    assert "TEMP B-TREE" not in plan and "INDEX" in plan
    keyed = {
        "path": lambda file: file.path,
        "name": lambda file: file.tags.artist,
        "quality": lambda file: file.quality_score if file.quality_score is not None else -1,
        "bitrate": lambda file: file.facts.bitrate or -1,
        "dynamic_range": lambda file: -1,
        "size": lambda file: file.size,
        "scanned": lambda file: file.scanned_at,
    }
    keys = [keyed[sort](file) for file in out]
    assert keys == sorted(keys, reverse=descending)


def test_work_is_found_by_stage(tmp_path):
    async def work(store):
        files = store.files
        await files.put_scanned([scanned(f"/m/{n}") for n in range(3)])
        await files.put_facts("/m/1", (1, 1000, 7), AudioFacts(error=SafeText("not audio")), Stage.TESTED, 9.0)
        await files.put_facts("/m/2", (1, 1000, 7), FACTS, Stage.MEASURED, 9.0)
        await files.put_scanned([scanned("/m/gone")])
        await files.put_missing(["/m/gone"], 1.0)
        listed = [[file.path for file in await files.at_stage(stage)] for stage in Stage]
        return listed, await files.counts(), await files.folders()

    listed, counts, folders = on_store(tmp_path, work)
    assert listed == [[], ["/m/0"], ["/m/2"], ["/m/1"]] and folders == ["/m"]
    assert (counts.files, counts.tags, counts.measured, counts.tested, counts.errors, counts.suspects) == (4, 2, 1, 1, 1, 1)
