"""What nodes say is kept, weighed and found again: canonical statistics, labels, popularity, bounds and expiry, on a real library.db."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.engine.discovery import aggregates as shell
from slskdn_tui.engine.discovery.aggregates import Aggregates
from slskdn_tui.engine.discovery.weigh import Standing
from slskdn_tui.engine.runtime.clock import VirtualClock
from slskdn_tui.engine.store.library import voices as table
from slskdn_tui.engine.store.library.labels import label_key
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.aggregates import LabelRelease, Popularity
from slskdn_tui.model.heard import HeardDescriptor, HeardVariant, VerdictKind, Voice
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant

REC, RELEASE, FLAC = "rec-1", "rel-1", "FLAC 16/44.1 2ch"


def variant(
    number: int = 1,
    *,
    score: float | None = 0.9,
    verdict: VerdictKind = "no_evidence",
    recording: str = REC,
    label: str = "Creation",
    release: str = RELEASE,
    codec: str = "flac",
) -> HeardVariant:
    what = Variant(f"{number:064x}", "file", 1000 + number, recording, codec, FLAC, 200_000, score=score)
    return HeardVariant(what, verdict, SafeText("grid-1"), 0.1, 11.0, SafeText("libFLAC"), SafeText(label), release)


def voice(number: int, network: int | None = None, direct: bool = True) -> Voice:
    return Voice(f"{number:02x}" * 32, f"127.1.{number if network is None else network}.1", direct)


class World:
    """`known` and `shut` are what the node itself knows of others."""

    def __init__(self, store: Store, clock: VirtualClock) -> None:
        self.store, self.clock = store, clock
        self.known: set[int] = set(range(1, 17))
        self.shut: set[int] = set()
        self.mesh = Aggregates(store.voices, store.popularity, clock, self.trust, own="ee" * 32)

    def trust(self, node: str) -> Standing:
        number = int(node[:2], 16)
        return Standing(number in self.known, 0.0 if number in self.shut else 1.0)

    async def say(self, number: int, *variants: HeardVariant, gone: tuple[str, ...] = (), whole: bool = False) -> None:
        self.mesh.advertised(voice(number), variants, gone, whole=whole)
        await self.mesh.flush()


def in_world(test: Callable[[World], Awaitable[None]]) -> Callable[[Path], None]:
    """The test with a world of its own, on a virtual clock."""

    def run(tmp_path: Path) -> None:
        async def lived() -> None:
            clock = VirtualClock()
            store = await Store.open(Paths.of(tmp_path), clock)
            try:
                await test(World(store, clock))
            finally:
                await store.close()

        asyncio.run(lived())

    return run


@in_world
async def test_four_lying_strangers_move_no_count_and_means_by_less_than_5_percent(world: World) -> None:
    for honest in range(1, 17):
        await world.say(honest, variant(score=0.9))
    before = await world.mesh.canonical_stats(REC, FLAC)
    assert (before.peers, before.strangers, before.suspected, before.encoder) == (16, 0, 0.0, "libFLAC")
    assert before.score == pytest.approx(0.9, rel=0.01) and before.dynamic_range == pytest.approx(11.0)
    assert before.badge(variant().variant.variant_id) == "canonical 0.90, 16 peers agree"
    for liar in range(20, 24):
        await world.say(liar, variant(score=0.0, verdict="confirmed"), variant(2, score=1.0, label="Lies", release="rel-lie"))
    after = await world.mesh.canonical_stats(REC, FLAC)
    assert after.peers == 16 and after.score == pytest.approx(0.9, rel=0.05) and after.suspected is not None and after.suspected < 0.05
    assert after.variants[0].variant_id == variant().variant.variant_id
    [seen] = await world.store.popularity.releases("creation")
    assert (seen.peers, seen.label) == (16, "Creation") and seen.score == pytest.approx(0.9, rel=0.05)
    assert await world.store.popularity.releases("Lies") == [LabelRelease(SafeText("Lies"), "rel-lie", 0, 4, 1.0, ("FLAC",))]


@in_world
async def test_a_peer_has_one_voice_however_often_it_speaks(world: World) -> None:
    for _ in range(5):
        await world.say(1, variant(score=0.2))
    await world.say(2, variant(score=0.8))
    stats = await world.mesh.canonical_stats(REC, FLAC)
    assert (stats.peers, stats.score) == (2, pytest.approx(0.5))


@in_world
async def test_what_a_peer_no_longer_has_is_taken_back_and_a_snapshot_replaces_all(world: World) -> None:
    await world.say(1, variant(1), variant(2, release="rel-2"))
    await world.say(1, gone=(variant(1).variant.variant_id,))
    assert [one.variant_id for one in (await world.mesh.canonical_stats(REC, FLAC)).variants] == [variant(2).variant.variant_id]
    assert [one.release_mbid for one in await world.store.popularity.releases("Creation")] == ["rel-2"]
    await world.say(1, variant(3, recording="rec-9"), whole=True)
    assert (await world.mesh.canonical_stats(REC, FLAC)).variants == ()
    assert await world.store.popularity.popularity(REC) == Popularity(REC)
    assert await world.store.popularity.popularity("rec-9") == Popularity("rec-9", 1)


@in_world
async def test_a_stranger_counts_once_it_is_known_and_a_proven_liar_no_more(world: World) -> None:
    await world.say(1, variant(score=0.9))
    await world.say(30, variant(score=0.5))
    assert (await world.mesh.canonical_stats(REC, FLAC)).peers == 1
    world.known.add(30)
    await world.mesh.recount()
    assert (await world.mesh.canonical_stats(REC, FLAC)).score == pytest.approx(0.7)
    assert (await world.store.popularity.releases("Creation"))[0].peers == 2
    world.shut.add(30)
    await world.mesh.recount()
    stats = await world.mesh.canonical_stats(REC, FLAC)
    assert (stats.peers, stats.strangers, stats.score) == (1, 0, pytest.approx(0.9))
    assert (await world.store.popularity.releases("Creation"))[0].peers == 1


@in_world
async def test_descriptors_and_wishes_count_for_popularity_and_descriptors_for_statistics(world: World) -> None:
    world.mesh.described(voice(1), HeardDescriptor(RELEASE, (variant(),)))
    for asker in range(2, 12):
        world.mesh.wanted(voice(asker), [REC])
        world.mesh.wanted(voice(asker), [REC])
    world.mesh.wanted(voice(40), [REC, "rec-2"])
    await world.mesh.flush()
    assert (await world.mesh.canonical_stats(REC, FLAC)).peers == 1
    assert await world.store.popularity.popularity(REC) == Popularity(REC, 11, 1)
    assert await world.store.popularity.popularity(RELEASE) == Popularity(RELEASE, 1)
    assert await world.store.popularity.popular(10) == [Popularity(REC, 11, 1)]


@in_world
async def test_who_is_not_heard_for_two_months_is_forgotten(world: World) -> None:
    await world.say(1, variant())
    world.mesh.wanted(voice(2), ["rec-2"])
    await world.mesh.flush()
    await world.clock.advance(shell.KEEP_S - 10)
    await world.say(3, variant(3, release="rel-3"))
    await world.clock.advance(20)
    await world.mesh.recount()
    assert (await world.mesh.canonical_stats(REC, FLAC)).peers == 1
    assert [one.release_mbid for one in await world.store.popularity.releases("Creation")] == ["rel-3"]
    assert await world.store.popularity.popularity("rec-2") == Popularity("rec-2")


@in_world
async def test_one_peer_and_one_network_fill_only_so_much(world: World) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "MOST_VARIANTS", 5)
        patch.setattr(table, "MOST_WANTED", 3)
        patch.setattr(table, "MOST_A_NETWORK", 2)
        await world.say(1, *(variant(n, recording=f"rec-{n}") for n in range(1, 10)))
        world.mesh.wanted(voice(2), [f"rec-{n}" for n in range(9)])
        for crowd in range(20, 30):
            world.mesh.advertised(voice(crowd, network=99), [variant(crowd)], (), whole=False)
        await world.mesh.flush()

    async def rows(sql: str) -> int:
        return int((await world.store.library.fetch(sql))[0][0])

    assert await rows(f"SELECT count(*) FROM FingerprintObservations WHERE node_id = '{'01' * 32}'") == 5
    assert await rows("SELECT count(*) FROM MbidWanted") == 3
    assert await rows("SELECT count(*) FROM MeshVoices WHERE network = '127.1.99.0/24'") == 2


@in_world
async def test_a_flood_waits_in_bounded_memory_and_what_is_let_go_is_logged(world: World) -> None:
    for _ in range(shell.MOST_WAITING):
        world.mesh.wanted(voice(1), ["rec-1"])
    world.mesh.wanted(voice(2), ["rec-2"])
    with pytest.MonkeyPatch.context() as patch:
        told: list[object] = []
        patch.setattr(shell.log, "warning", lambda words, *values: told.append(words % values))
        await world.mesh.flush()
    assert told == ["the mesh says more than can be written: 1 messages were let go"]
    assert (await world.store.popularity.popularity("rec-2")).peers == 0


@in_world
async def test_this_nodes_own_words_and_those_of_blocked_nodes_are_not_kept(world: World) -> None:
    world.shut.add(5)
    world.mesh.advertised(Voice("ee" * 32, "127.1.1.1"), [variant()], (), whole=True)
    await world.say(5, variant())
    assert (await world.mesh.canonical_stats(REC, FLAC)).variants == ()


@in_world
async def test_a_labels_releases_are_filtered_by_quality_codec_and_year(world: World) -> None:
    await world.say(1, variant(1, release="rel-a", score=0.9), variant(2, release="rel-b", score=0.4, codec="mp3", label="CREATION"))
    await world.say(2, variant(2, release="rel-b", score=0.4, codec="mp3"), variant(3, release="rel-c", score=None))
    made = Release(
        "rel-b", "", SafeText("Loveless"), SafeText("My Bloody Valentine"), "", "1991-11-04", "GB", "Official", SafeText(""), (), 1, ()
    )
    await world.store.releases.put(made)
    labels = world.store.popularity

    async def found(**filters: object) -> list[str]:
        return [one.release_mbid for one in await labels.releases(" creation ", **filters)]  # type: ignore[arg-type]

    assert await found() == ["rel-b", "rel-a", "rel-c"]
    assert await found(least_score=0.5) == ["rel-a"]
    assert await found(codec="MP3") == ["rel-b"] and await found(codec="AC") == []
    assert await found(years=(1990, 1995)) == ["rel-b"]
    assert (await labels.releases("Creation"))[0].year == 1991


@in_world
async def test_spellings_of_a_label_are_folded_by_what_musicbrainz_lists_of_the_release(world: World) -> None:
    labels = world.store.popularity

    async def seen(label: str) -> list[tuple[str, str, int]]:
        return [(str(one.label), one.release_mbid, one.peers) for one in await labels.releases(label)]

    async def names() -> list[str]:
        return [str(one.name) for one in await labels.labels()]

    warp, matador = ("id-w", SafeText("Warp Records")), ("id-m", SafeText("Matador"))
    await world.say(1, variant(1, release="rel-a", label="Warp"))
    await world.say(2, variant(1, release="rel-a", label="warp records"))
    await world.say(3, variant(2, release="rel-b", label="Warp Records, Matador"))
    assert await names() == ["Warp", "warp records", "Warp Records, Matador"], "nothing is known yet"
    await world.mesh.learned([("rel-a", [warp]), ("rel-b", [warp, matador])])
    assert await names() == ["Warp Records"]
    both = [("Warp Records", "rel-a", 2), ("Warp Records", "rel-b", 1)]
    assert await seen("Warp Records") == both == await seen("WARP"), "a spelling that was folded leads there"
    await world.say(4, variant(1, release="rel-a", label="Sub Pop"), variant(2, release="rel-b", label="matador"))
    assert await seen("warp records") == [("Warp Records", "rel-a", 3), ("Warp Records", "rel-b", 1)]
    assert await seen("Matador") == [("Matador", "rel-b", 1)]
    await world.say(4, whole=True)
    assert await seen("warp records") == both and await names() == ["Warp Records"]
    await world.mesh.learned([("rel-a", [("id-w", SafeText("Warp"))])])  # MusicBrainz calls it otherwise now
    assert [one[1:] for one in await seen("Warp")] == [one[1:] for one in both] and await names() == ["Warp"]
    await world.mesh.recount()
    assert await names() == ["Warp"]


@in_world
async def test_a_label_without_an_mbid_stays_what_nodes_call_it(world: World) -> None:
    await world.say(1, variant(1, release="rel-a", label="Own Tapes"))
    await world.mesh.learned([("rel-a", [("", SafeText("Self-released"))]), ("rel-b", [])])
    await world.say(2, variant(2, release="rel-b", label="Own Tapes"))
    assert [(one.label, one.release_mbid) for one in await world.store.popularity.releases("own tapes")] == [
        ("Own Tapes", "rel-a"),
        ("Own Tapes", "rel-b"),
    ]


@in_world
async def test_a_label_is_found_among_20000_by_the_beginning_of_its_name_through_an_index(world: World) -> None:
    names = [f"{word} {n}" for n in range(5000) for word in ("Warp", "Ninja", "Stones", "Ångström")]
    await world.store.popularity.put(
        [((label_key(name), "rel"), LabelRelease(SafeText(name), "rel", n % 7, 0, None)) for n, name in enumerate(names)], []
    )
    found = await world.store.popularity.labels("nInJa  499")
    assert [one.name for one in found] == ["Ninja 499", *(f"Ninja 499{n}" for n in range(10))]
    assert [one.name for one in await world.store.popularity.labels("ÅNGSTRÖM 12", limit=2)] == ["Ångström 12", "Ångström 120"]
    most = await world.store.popularity.labels("warp", sort="peers", limit=3)
    assert [one.peers for one in most] == [6, 6, 6] and await world.store.popularity.labels("zz") == []
    plan = await world.store.library.fetch(
        "EXPLAIN QUERY PLAN SELECT label_name FROM LabelPopularity WHERE label_key >= 'a' AND label_key < 'b' GROUP BY label_key ORDER BY label_key"
    )
    assert len(plan) == 1 and "SEARCH LabelPopularity USING PRIMARY KEY" in plan[0][3], plan


@in_world
async def test_a_recording_is_wanted_by_networks_strangers_too_and_by_one_who_asks(world: World) -> None:
    world.known = {1}
    popularity = world.store.popularity
    await world.say(1, variant())
    for number in range(2, 10):
        world.mesh.wanted(voice(number), [REC])
    for number in range(40, 60):  # twenty ids of one network are one voice
        world.mesh.wanted(voice(number, network=99), [REC])
    await world.mesh.flush()
    (found,) = await popularity.wanted(10, 0.0)
    assert (found.mbid, found.peers, found.strangers) == (REC, 1, 9)
    assert await popularity.wanted(11, 0.0) == [] and await popularity.voices([REC, "nobody-s"]) == {REC: 10}
    later = world.clock.wall().timestamp() + 1
    assert await popularity.wanted(10, later) == [], "nobody asked of late"
    for number in range(2, 16):
        await world.say(number, variant(2, recording="had-by-many"))
    assert [one.mbid for one in await popularity.wanted(10, 0.0)] == [REC], "what nobody asks for is not wanted"
