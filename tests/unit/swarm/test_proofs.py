"""What agreement of peers has to fit, what keeps a file back, whose bytes count, and over which time a transfer is slow."""

from __future__ import annotations

from dataclasses import replace

import pytest

from slskdn_tui.config.settings import Rescue
from slskdn_tui.engine.content.digests import leaf_digest, variant_id
from slskdn_tui.engine.mesh_finder import why_nobody
from slskdn_tui.engine.swarm.piecemap import DONE, MESH, SLSK, PieceMap
from slskdn_tui.engine.swarm.proof.guard import Proof, Target, decide, disputed, vouching
from slskdn_tui.engine.swarm.proof.variants import MOST_KNOWN, Choice
from slskdn_tui.engine.swarm.stall import StallWatch
from slskdn_tui.model.aggregates import CanonicalStats, VariantStats
from slskdn_tui.model.part import Extent
from slskdn_tui.model.ports import OriginState
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import LEAF, Variant

WANTED = Target("rec-1", 200_000, "FLAC")


def variant(**other: object) -> Variant:
    facts: dict[str, object] = {"recording_mbid": "rec-1", "codec": "flac", "duration_ms": 203_000, **other}
    return Variant("a" * 64, "file", LEAF, **facts)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({}, ""),
        ({"duration_ms": 195_000}, ""),
        ({"duration_ms": 205_001}, "it lasts 205 s, the track 200 s"),
        ({"duration_ms": 194_999}, "it lasts 195 s, the track 200 s"),
        ({"duration_ms": None}, "they do not say how long it lasts"),
        ({"recording_mbid": "rec-2"}, "they name another recording"),
        ({"codec": "MP3"}, "they name MP3, not FLAC"),
        ({"codec": "\x1b[2J"}, "not FLAC"),
        ({"codec": ""}, "they name no codec, not FLAC"),
    ],
)
def test_agreement_has_to_fit_what_the_job_wants(other: dict[str, object], words: str) -> None:
    said = WANTED.misfit(variant(**other))
    assert (said == "") == (words == "") and words in said and "\x1b" not in said


def test_a_track_of_unknown_length_has_no_third_proof() -> None:
    why = Target("rec-1", None, "FLAC").misfit(variant())
    decision = decide(OriginState.QUEUED, 0, 0, False, 2, why)
    assert (decision.allowed, decision.proof) == (True, Proof.NONE)
    assert "2 of 2 peers agree, but MusicBrainz does not know the track's length (proof 3)" in decision.missing
    assert not decide(OriginState.OFFLINE, 0, 0, False, 2, why).allowed
    assert decide(OriginState.OFFLINE, 0, 0, False, 2).proof is Proof.AGREE


def test_variants_that_soulseek_contradicted_leave_room_for_the_right_one() -> None:
    choice, seen = Choice(LEAF), {0: leaf_digest(b"soulseek")}
    for number in range(MOST_KNOWN + 1):
        digests = (leaf_digest(bytes([number])),)
        other = replace(variant(), variant_id=variant_id("file", LEAF, digests))
        assert choice.misfit(other) == "" and choice.learn(other, digests) == ""
        assert "other variant" in choice.verdict(other, None, False, seen)
        assert "contradicts" in choice.misfit(other)
    digests = (seen[0],)
    right = replace(variant(), variant_id=variant_id("file", LEAF, digests))
    assert choice.misfit(right) == choice.learn(right, digests) == choice.verdict(right, None, False, seen) == ""


def stats(peers: int, **facts: object) -> CanonicalStats:
    """The aggregates when `peers` known nodes name the variant "a..." and nobody another."""
    said: dict[str, object] = {"variant_id": "a" * 64, "length": LEAF, "duration_ms": 203_000, "suspected": 0.0, **facts}
    one = VariantStats(peers=peers, strangers=5, score=0.9, **said)  # type: ignore[arg-type]
    return CanonicalStats("rec-1", "FLAC", peers, 5, 0.9, 0.0, None, SafeText(""), (one,))


@pytest.mark.parametrize(
    ("known", "words"),
    [
        (None, ""),
        (stats(0, length=9), ""),
        (stats(2), ""),
        (stats(2, length=9), "known peers give it 9 bytes, not 65536"),
        (stats(2, duration_ms=90_000), "known peers give it another length in time"),
        (stats(2, duration_ms=None, suspected=None), ""),
        (stats(2, suspected=0.6), "known peers suspect a transcode"),
        (stats(1, variant_id="b" * 64), ""),
        (stats(2, variant_id="b" * 64), "2 known peers name other variants of it"),
    ],
)
def test_what_known_peers_say_may_speak_against_a_variant_and_strangers_may_not(known: CanonicalStats | None, words: str) -> None:
    assert disputed(known, variant()) == words
    region = replace(variant(), variant_id="c" * 64, kind="region")
    assert disputed(known, region) == "", "adverts name whole files"
    named = known is not None and known.variants[0].variant_id == "a" * 64
    assert vouching(known, variant()) == (known.variants[0].peers if known is not None and named and not words else 0)


def test_the_other_proofs_do_not_need_it() -> None:
    assert decide(OriginState.OFFLINE, 1, 0, False, 0, "misfit").proof is Proof.PREFIX
    assert decide(OriginState.OFFLINE, 0, 0, True, 0, "misfit").proof is Proof.HEAD


def test_a_complete_file_that_nothing_proves_gives_a_leaf_back() -> None:
    pieces = PieceMap(3 * LEAF + 10, digests=True)
    for leaf in range(pieces.leaves):
        pieces.deliver(leaf, MESH)
    assert pieces.complete and not pieces.held
    pieces.take_back()
    assert not pieces.complete and pieces.held and pieces.resume_offset() == 0 and pieces.free_front(9, 0, 4) is None
    pieces.deliver(0, SLSK)
    assert pieces.complete and not pieces.held
    assert pieces.by_plane() == (LEAF, 2 * LEAF + 10)


def test_a_sources_share_is_what_is_its_own_in_the_file() -> None:
    pieces = PieceMap(6 * LEAF, digests=True)
    pieces.extents = [Extent(0, 2 * LEAF + 100, "slsk:anna"), Extent(2 * LEAF + 100, 4 * LEAF + 50, "slsk:bert")]
    pieces.prefix = 4 * LEAF + 50
    assert (pieces.given_by("slsk:anna"), pieces.given_by("slsk:bert")) == (2 * LEAF + 100, 2 * LEAF - 50)
    for leaf in (1, 2, 4):  # fetched again from the mesh
        pieces.status[leaf], pieces.plane[leaf] = DONE, MESH
    assert (pieces.given_by("slsk:anna"), pieces.given_by("slsk:bert")) == (LEAF, LEAF)
    assert pieces.given_by("slsk:cleo") == 0


def test_slowness_is_of_the_last_minute_not_of_the_whole_transfer() -> None:
    watch = StallWatch(Rescue(), 0.0)
    total = 0
    for second in range(1, 3600):
        total += 1_000_000 if second <= 600 else 1000
        watch.observe(float(second), OriginState.ACTIVE, total)
        if watch.reason(float(second)):
            break
    assert 600 + 300 < second <= 600 + 60 + 302
    assert watch.reason(float(second)).startswith("1.0 KB/s over the last 60 s, below 10.2 KB/s for 5 min")


def test_the_window_is_never_longer_than_the_time_it_has_to_be_slow_for() -> None:
    watch = StallWatch(Rescue(slow_s=2.0), 0.0)
    assert watch.window == 2.0 and StallWatch(Rescue(), 0.0).window == 60.0
    total = 0
    for tick in range(1, 200):
        total += 100_000 if tick <= 100 else 100
        watch.observe(tick / 10, OriginState.ACTIVE, total)
        if watch.reason(tick / 10):
            break
    assert 12.0 < tick / 10 <= 14.3
    assert "over the last 2 s" in watch.reason(tick / 10)


@pytest.mark.parametrize(
    ("dht", "connected", "configured", "words"),
    [
        ("on", 0, 0, ""),
        ("off", 1, 0, ""),
        ("waiting", 1, 0, ""),
        ("", 0, 0, "the overlay is off (overlay.enabled: false)"),
        ("off", 0, 0, "the DHT is off (dht.enabled) and no peer is connected"),
        ("waiting", 0, 0, "the DHT waits for a first node (dht.bootstrap) and no peer is connected"),
        ("off", 0, 2, "the DHT is off (dht.enabled) and no peer is connected (2 in overlay.peers)"),
    ],
)
def test_why_nobody_can_be_asked(dht: str, connected: int, configured: int, words: str) -> None:
    assert why_nobody(dht, connected, configured) == words
