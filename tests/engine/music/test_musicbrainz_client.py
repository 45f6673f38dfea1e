"""The MusicBrainz client against the lab's stub, over real sockets and with unmodified musicbrainzngs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Literal

import pytest

from slskdn_tui.config.settings import MusicBrainz
from slskdn_tui.engine.music.cache import MemoryMbCache
from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.lab import data
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.model.errors import UserError

PLONE = data.DEMO_RELEASE
PLONE_GROUP = "202cad78-a2e1-3fa7-b8bc-77c1f737e3da"
SURRENDER_GROUP = "22ca85ec-ee39-3895-aef9-dee5d5c2f4d6"
PLONE_VINYL = "dd66bfdd-6097-32e3-91b6-67f47ba25d4c"
ON_MY_BUS = "44704dda-b877-4551-a2a8-c1f764476e65"
UNKNOWN = "00000000-0000-4000-8000-000000000000"


class QuickClock(SystemClock):
    """Sleeping costs no time but is written down, and `now` moves by it."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def now(self) -> float:
        return super().now() + sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


class StillClock(QuickClock):
    """Moves only by being slept on: how long an answer took is in no figure."""

    def now(self) -> float:
        return sum(self.slept)


Story = Callable[[MusicBrainzStub, MusicBrainzClient, QuickClock], Awaitable[None]]


def play(
    story: Story,
    *,
    rate_s: float = 0.0,
    timeout_s: float = 60.0,
    merged: dict[str, str] | None = None,
    canonical: Literal["ours", "metabrainz", "owned-first"] = "ours",
) -> None:
    async def run() -> None:
        async with asyncio.timeout(240):
            stub = MusicBrainzStub(merged=merged)
            await stub.start()
            clock = StillClock()
            settings = MusicBrainz(url=stub.url, rate_s=rate_s, contact="test@example.org", canonical=canonical)

            async def owned(releases: Sequence[str]) -> dict[str, int]:
                return {mbid: 3 for mbid in releases if mbid == PLONE_VINYL}

            client = MusicBrainzClient(settings, clock=clock, cache=MemoryMbCache(clock), timeout_s=timeout_s, owned=owned)
            try:
                await story(stub, client, clock)
            finally:
                client.close()
                await stub.close()

    asyncio.run(run())


def test_a_release_comes_with_its_tracks_and_is_asked_for_once() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        release = await client.release(PLONE)
        assert (release.artist, release.title, release.date, release.country) == ("Plone", "For Beginner Piano", "1999-09-13", "GB")
        assert (release.label, release.formats, release.disc_count, release.group_mbid) == ("Warp Records", ("CD",), 1, PLONE_GROUP)
        assert [track.position for track in release.tracks] == list(range(1, 11))
        first, second = release.tracks[:2]
        assert (first.title, first.length_ms, first.recording_mbid, first.artist) == ("On My Bus", 267560, ON_MY_BUS, "Plone")
        assert second.title == "Top & Low Rent"
        assert await client.release(PLONE) == release
        assert len(stub.seen) == 1
        assert stub.seen[0].user_agent.startswith("slskdn-tui/") and "test@example.org" in stub.seen[0].user_agent

    play(story)


def test_discs_are_numbered_through_and_the_hidden_pregap_and_the_dvd_are_left_out() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        surrender = await client.release("5199f302-99bc-3c80-a9ec-dffd68867c10")
        assert surrender.disc_count == 2
        assert [(track.position, track.disc, track.number) for track in surrender.tracks][10:13] == [(11, 1, 11), (12, 2, 1), (13, 2, 2)]
        soup = await client.release("ec0d0122-b559-4aa1-a017-7068814aae57")
        assert [(track.position, track.title) for track in soup.tracks] == [(1, "Galaxie"), (2, "2 X 4")]
        boa = await client.release("28fc2337-985b-3da9-ac40-ad6f28ff0d8e")
        assert (len(boa.tracks), boa.disc_count, boa.formats) == (13, 1, ("CD",))
        single = await client.release("aff4a693-5970-4e2e-bd46-e2ee49c22de7")
        assert [track.artist for track in single.tracks] == ["m-flo♥BoA", "m-flo♥BoA", "BAGDAD CAFE THE trench town"]

    play(story)


def test_editions_of_a_group_and_releases_of_a_recording_come_best_first() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        editions = await client.release_group(PLONE_GROUP)
        assert [(hit.country, hit.format, hit.track_count) for hit in editions] == [("GB", "CD", 10), ("US", "CD", 10), ("GB", "Vinyl", 10)]
        assert editions[1].label == "Matador Records"
        assert [hit.mbid for hit in await client.recording_releases(ON_MY_BUS)] == [hit.mbid for hit in editions]
        boa = await client.release_group("23f421e7-431e-3e1d-bcbf-b91f5f7c5e2c")
        assert [(hit.format, hit.track_count) for hit in boa] == [("CD", 13), ("CD + DVD", 13)]

    play(story)


def test_the_setting_decides_which_edition_stands_for_its_group_and_the_reason_says_so() -> None:
    async def metabrainz(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        for _ in range(2):  # from the server, then from what is kept
            hits = await client.release_group(SURRENDER_GROUP)
            assert (hits[0].mbid, hits[0].format) == ("5199f302-99bc-3c80-a9ec-dffd68867c10", "2xCD")
        assert str(await client.why_first(hits[0], hits)).startswith("MetaBrainz' order: 2xCD")

    async def owned(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        hits = await client.release_group(PLONE_GROUP)
        assert (hits[0].mbid, hits[0].format) == (PLONE_VINYL, "Vinyl")
        assert str(await client.why_first(hits[0], hits)).startswith("you have 3 files of it")

    play(metabrainz, canonical="metabrainz")
    play(owned, canonical="owned-first")


def test_a_mirror_under_a_path_is_asked_there_and_what_it_says_is_kept_apart() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        cache = MemoryMbCache(clock)
        plain = MusicBrainzClient(MusicBrainz(url=stub.url + "/", rate_s=0), clock=clock, cache=cache)
        mirror = MusicBrainzClient(MusicBrainz(url=stub.url + "/mirror", rate_s=0), clock=clock, cache=cache)
        await plain.release(PLONE)
        with pytest.raises(UserError):  # the stub knows nothing under that path
            await mirror.release(PLONE)
        assert [seen.path for seen in stub.seen] == [f"/ws/2/release/{PLONE}", f"/mirror/ws/2/release/{PLONE}"]
        for each in (plain, mirror):
            each.close()

    play(story)


def test_a_release_says_its_number_at_discogs_where_musicbrainz_links_to_it() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        fact = stub.world.by_id[PLONE]
        stub.world.by_id[PLONE] = replace(fact, discogs="1722")
        assert (await client.release(PLONE)).discogs == "1722"
        assert (await client.release(PLONE_VINYL)).discogs == ""

    play(story)


@pytest.mark.parametrize(
    "text", ["Plone - For Beginner Piano", "for beginner piano", "Plone: (For) Beginner* Piano?!", 'plone AND "beginner']
)
def test_a_search_finds_the_album_whatever_signs_are_in_it(text: str) -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        hits = await client.search(text)
        assert hits[0].title == "For Beginner Piano" and hits[0].track_count == 10 and hits[0].artist == "Plone"
        await client.search(f"  {text} ")
        assert len(stub.seen) == 1, "the second search comes from the cache"

    play(story)


def test_a_search_for_nothing_known_is_empty_and_for_nothing_at_all_is_refused() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        assert await client.search("Nobody - Nothing Whatever") == ()
        with pytest.raises(UserError) as caught:
            await client.search("   ")
        assert caught.value.code == "usage"

    play(story)


def test_an_unknown_id_is_told_and_remembered_and_a_malformed_one_never_sent() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        for _ in range(2):
            with pytest.raises(UserError) as caught:
                await client.release(UNKNOWN)
            assert caught.value.code == "not_found" and UNKNOWN in caught.value.message
        assert len(stub.seen) == 1
        with pytest.raises(UserError) as caught:
            await client.release("not-an-mbid")
        assert caught.value.code == "usage" and len(stub.seen) == 1

    play(story)


def test_an_outage_is_never_remembered_as_unknown() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        stub.fail("server_error", 2)
        with pytest.raises(UserError) as caught:
            await client.release(PLONE)
        assert caught.value.code == "network"
        assert (await client.release(PLONE)).title == "For Beginner Piano"
        assert len(stub.seen) == 3

    play(story)


@pytest.mark.parametrize("kind", ["unavailable", "too_many"])
def test_retry_after_is_honoured_and_one_retry_made(kind: str) -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        stub.fail(kind, retry_after=7)  # type: ignore[arg-type]
        assert (await client.release(PLONE)).title == "For Beginner Piano"
        assert len(stub.seen) == 2
        assert clock.slept == [7]

    play(story)


def test_a_long_retry_after_is_told_instead_of_waited_for() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        stub.fail("unavailable", retry_after=3600)
        for _ in range(2):
            with pytest.raises(UserError) as caught:
                await client.release(PLONE)
            assert caught.value.code == "network" and "silence" in caught.value.message
        assert len(stub.seen) == 1 and not clock.slept

    play(story)


def test_requests_keep_their_distance() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        await asyncio.gather(client.release(PLONE), client.release_group(PLONE_GROUP), client.search("surrender"))
        assert len(stub.seen) == 3
        assert clock.slept == [5, 5]

    play(story, rate_s=5.0)


@pytest.mark.parametrize("kind", ["not_xml", "truncated", "hang", "reset"])
def test_a_bad_answer_is_an_error_that_says_what_to_do(kind: str) -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        stub.fail(kind, 2)  # type: ignore[arg-type]
        with pytest.raises(UserError) as caught:
            await client.release(PLONE)
        assert caught.value.code == "network" and stub.url in caught.value.message and caught.value.hint

    play(story, timeout_s=0.3)


def test_a_hung_server_does_not_hold_up_the_default_executor() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        stub.fail("hang", 20)
        asks = [asyncio.ensure_future(client.release_group(PLONE_GROUP)) for _ in range(10)]
        while not stub.seen:
            await asyncio.sleep(0.01)
        assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 80)
        for ask in asks:
            ask.cancel()
        await asyncio.gather(*asks, return_exceptions=True)

    play(story, timeout_s=2)


def test_a_merged_id_leads_to_the_release_it_is_now() -> None:
    async def story(stub: MusicBrainzStub, client: MusicBrainzClient, clock: QuickClock) -> None:
        release = await client.release(UNKNOWN)
        assert release.mbid == PLONE
        assert await client.release(PLONE) == release and await client.release(UNKNOWN) == release
        assert len(stub.seen) == 1

    play(story, merged={UNKNOWN: PLONE})


def test_nothing_listening_says_so_at_once() -> None:
    async def run() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it meanwhile
            port = probe.getsockname()[1]
            clock = StillClock()
            client = MusicBrainzClient(MusicBrainz(url=f"http://127.0.0.1:{port}"), clock=clock, cache=MemoryMbCache(clock))
            async with asyncio.timeout(60):
                with pytest.raises(UserError) as caught:
                    await client.release(PLONE)
        assert caught.value.code == "network" and str(port) in caught.value.message and not clock.slept
        client.close()

    asyncio.run(run())
