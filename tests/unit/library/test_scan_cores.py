"""What a walk found against what was known, and how long a stage will take."""

from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from slskdn_tui.engine.library.scan.diff import Known, Stamp, compare
from slskdn_tui.engine.library.scan.measuring import joined, reached
from slskdn_tui.engine.library.scan.progress import Progress
from slskdn_tui.model.audio import AudioFacts, TranscodeVerdict
from slskdn_tui.model.library import LibraryFile, Stage, merged
from slskdn_tui.model.schedule import parse_start
from slskdn_tui.model.text import SafeText


def known(*names, root="/m", **more):
    return {f"{root}/{name}": Known(1, 10, number, **more) for number, name in enumerate(names)}


def found(*names, root="/m"):
    return {f"{root}/{name}": Stamp(1, 10, number) for number, name in enumerate(names)}


def test_new_and_changed_files_are_read_and_the_rest_is_not():
    now = found("a", "b", "c") | {"/m/b": Stamp(2, 10, 1), "/m/new": Stamp(1, 10, 9)}
    diff = compare(known("a", "b", "c"), now, ["/m"], [])
    assert (diff.unchanged, diff.read, diff.gone, diff.moved, diff.asks) == (2, ["/m/b", "/m/new"], [], [], {})


def test_a_file_never_read_is_read_although_its_stamp_is_known():
    assert compare(known("a", read=False), found("a"), ["/m"], []).read == ["/m/a"]


def test_a_renamed_file_is_the_same_file():
    before = known("a", *"bcdefg")
    now = found("a", *"bcdefg")
    now["/m/sub/A"] = now.pop("/m/a")
    diff = compare(before, now, ["/m"], [])
    assert (diff.moved, diff.read, diff.gone, diff.asks) == ([("/m/a", "/m/sub/A")], [], [], {})


def test_of_two_vanished_files_with_one_stamp_neither_is_taken_for_the_new_one():
    before = {f"/m/{name}": Known(1, 10, 5) for name in "ab"} | {f"/m/k{n}": Known(1, 1, 100 + n) for n in range(20)}
    now = {path: Stamp(*row[:3]) for path, row in before.items() if "k" in path} | {"/m/new": Stamp(1, 10, 5)}
    diff = compare(before, now, ["/m"], [])
    assert diff.moved == [] and diff.read == ["/m/new"] and sorted(diff.gone) == ["/m/a", "/m/b"]


@pytest.mark.parametrize(("lost", "asked"), [(20, False), (21, True), (100, True)])
def test_a_drop_of_more_than_a_fifth_of_a_folder_asks_first(lost, asked):
    names = [f"{n:03}" for n in range(100)]
    keep = {path: stamp for path, stamp in found(*names).items() if int(path[3:]) >= lost}
    other = known("x", root="/other")
    diff = compare(known(*names) | other, keep | {"/other/x": Stamp(1, 10, 0)}, ["/m", "/other"], [])
    assert (len(diff.gone), {root: len(paths) for root, paths in diff.asks.items()}) == ((0, {"/m": lost}) if asked else (lost, {}))


def test_nothing_below_a_folder_that_cannot_be_listed_counts_as_gone():
    diff = compare(known("a/1", "a/2", "ab/3"), {}, ["/m"], ["/m/a"])
    assert diff.gone == [] and diff.asks == {"/m": ["/m/ab/3"]}
    assert compare(known("a", "b"), {}, ["/m"], ["/m"]).asks == {}


def test_files_of_a_folder_that_is_no_library_folder_any_more_are_asked_about():
    assert compare(known("a"), {}, ["/new"], []).asks == {"": ["/m/a"]}


def test_a_missing_file_that_is_there_again_comes_back():
    assert compare(known("a", missing=True), found("a"), ["/m"], []).back == ["/m/a"]


def test_the_eta_is_the_rate_so_far_and_nothing_before_that_says_anything():
    progress = Progress(100.0, 1000)
    assert progress.eta(110.0) is None
    progress.done = 250
    assert progress.eta(101.0) is None and progress.eta(110.0) == 30.0
    progress.done = 1200
    assert progress.eta(110.0) == 0.0


def test_what_cannot_be_decoded_keeps_what_its_header_said_and_is_not_tried_again():
    header = AudioFacts("WMA", "WMA-192kbps", sample_rate=44100, bitrate=192, lossless=False)
    facts = joined(header, AudioFacts(error=SafeText("no decoder")))
    assert facts == replace(header, error=SafeText("no decoder"))
    assert reached(facts, Stage.MEASURED) == Stage.TESTED


@pytest.mark.parametrize(
    ("facts", "stage"),
    [
        (AudioFacts("FLAC", lossless=True), Stage.MEASURED),
        (AudioFacts("MP3", lossless=False), Stage.TESTED),
        (AudioFacts("FLAC", lossless=True, verdict=TranscodeVerdict("no_evidence")), Stage.TESTED),
    ],
)
def test_only_lossless_files_without_a_verdict_wait_for_the_transcode_test(facts, stage):
    assert reached(facts, Stage.MEASURED) == stage


@pytest.mark.parametrize(
    ("text", "now", "then"),
    [
        ("daily 04:00", datetime(2026, 1, 1, 3, 59, tzinfo=UTC), datetime(2026, 1, 1, 4, 0, tzinfo=UTC)),
        ("daily 04:00", datetime(2026, 1, 1, 4, 0, tzinfo=UTC), datetime(2026, 1, 2, 4, 0, tzinfo=UTC)),
        ("sat,sun 03:30", datetime(2026, 1, 1, 12, 0, tzinfo=UTC), datetime(2026, 1, 3, 3, 30, tzinfo=UTC)),
    ],
)
def test_the_schedule_names_the_next_start(text, now, then):
    assert parse_start(text).after(now, UTC) == then


def test_the_schedule_is_in_local_time_across_a_change_of_clocks():
    berlin = ZoneInfo("Europe/Berlin")
    start = parse_start("daily 04:00")
    assert start.after(datetime(2026, 3, 28, 12, tzinfo=UTC), berlin) == datetime(2026, 3, 29, 2, 0, tzinfo=UTC)
    assert start.after(datetime(2026, 3, 27, 12, tzinfo=UTC), berlin) == datetime(2026, 3, 28, 3, 0, tzinfo=UTC)


@pytest.mark.parametrize("text", ["daily", "04:00", "daily 24:00", "someday 04:00", "daily 04:00 x"])
def test_a_schedule_that_says_nothing_is_refused(text):
    with pytest.raises(ValueError, match=r"wants|is none|is not"):
        parse_start(text)


@pytest.mark.parametrize(
    ("error", "md5_ok", "kept"), [("", True, True), ("decoding stopped after 4096 samples", None, False), ("", False, False)]
)
def test_a_retagged_flac_keeps_what_decoding_found_and_a_whole_copy_of_a_cut_one_is_decoded_anew(error, md5_ok, kept):
    facts = AudioFacts(audio_md5="7f" * 16, md5_ok=md5_ok, loudness_lufs=-15.0)
    old = LibraryFile("/m/a.flac", 1, 10, 1, Stage.TESTED, facts=facts, quality_score=0.1, error=SafeText(error))
    new = LibraryFile("/m/a.flac", 2, 20, 2, Stage.TAGS, facts=AudioFacts(audio_md5="7f" * 16))
    after = merged(old, new)
    assert (after.stage == Stage.TESTED, after.facts.loudness_lufs is not None, after.quality_score is not None) == (kept,) * 3
    assert after.error == "" and after.stamp == new.stamp
