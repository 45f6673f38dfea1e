"""The AcoustID client against the lab's stub, over real sockets."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import pytest
from fakes.sounds import other_codec, text, tune
from test_musicbrainz_client import ON_MY_BUS, PLONE, QuickClock, StillClock

from slskdn_tui.config.settings import AcoustID, MusicBrainz, Secret
from slskdn_tui.engine.audio.match import items
from slskdn_tui.engine.music.cache import MemoryMbCache
from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.music.identify.acoustid import AcoustIdClient, MemoryPrintCache
from slskdn_tui.engine.music.identify.answers import AcoustIdError, Print, answers
from slskdn_tui.lab.acoustid import KEY
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.model.errors import UserError

REAL = Path(__file__).parents[4] / "shared" / "data" / "musicbrainz" / "lidarr-acoustid" / "AcoustidResponses.json"
Story = Callable[[MusicBrainzStub, AcoustIdClient, QuickClock], Awaitable[None]]


def play(story: Story, *, key: str = KEY, timeout_s: float = 60.0) -> None:
    async def run() -> None:
        async with asyncio.timeout(240):
            stub = MusicBrainzStub()
            await stub.start()
            clock = StillClock()
            settings = AcoustID(url=stub.url, key=Secret(key))
            client = AcoustIdClient(settings, clock=clock, cache=MemoryPrintCache(clock), timeout_s=timeout_s)
            try:
                await story(stub, client, clock)
            finally:
                client.close()
                await stub.close()

    asyncio.run(run())


def heard(stub: MusicBrainzStub, seeds: range) -> list[Print]:
    """Tunes the stub knows, each as some recording, and the prints of copies in another codec."""
    recordings = list(stub.world.recordings)
    for seed in seeds:
        stub.sounds.hear(text(tune(seed, 80)), 100, recordings[seed], sources=10)
    return [Print(text(other_codec(tune(seed, 80))), 102) for seed in seeds]


def test_a_file_in_another_codec_is_recognised_with_the_releases_it_is_on() -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        stub.sounds.hear(text(tune(1)), 267, ON_MY_BUS, sources=40)
        stub.sounds.hear(text(tune(1)), 267, "00000000-0000-4000-8000-000000000001", sources=1)
        (found,) = await client.lookup([Print(text(other_codec(tune(1))), 268)])
        assert [each.mbid for each in found.likely()] == [ON_MY_BUS], "a link that one user made beside forty is none"
        assert found.recordings[0].title == "On My Bus" and found.recordings[0].score > 0.95 and PLONE in found.recordings[0].releases

    play(story)


def test_another_tune_or_one_of_another_length_is_not_recognised() -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        stub.sounds.hear(text(tune(1)), 267, ON_MY_BUS)
        found = await client.lookup([Print(text(tune(2)), 267), Print(text(tune(1)), 290)])
        assert [each.recordings for each in found] == [(), ()]

    play(story)


def test_45_fingerprints_cost_three_requests_a_second_apart_and_none_the_second_time() -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        prints = heard(stub, range(45))
        found = await client.lookup(prints)
        assert [each.recordings[0].mbid for each in found] == list(stub.world.recordings)[:45]
        assert [sum(name.startswith("fingerprint.") for name in seen.query) for seen in stub.seen] == [20, 20, 5]
        assert clock.slept == [1, 1]
        assert await client.lookup(prints) == found and len(stub.seen) == 3

    play(story)


def test_one_that_is_no_fingerprint_costs_the_other_nineteen_nothing_and_is_not_asked_again() -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        prints = heard(stub, range(19))
        prints.insert(7, Print("fingerprint", 100))
        found = await client.lookup(prints)
        assert [each.rejected for each in found] == [place == 7 for place in range(20)]
        assert all(each.recordings for place, each in enumerate(found) if place != 7)
        assert len(stub.seen) == 2, "the bad one once more, alone"
        await client.lookup(prints)
        assert len(stub.seen) == 2

    play(story)


def test_what_a_busy_service_left_out_of_its_answer_is_asked_for_again_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        prints, whole, asked = heard(stub, range(6)), stub.sounds.lookup, []

        def sparse(fields: Mapping[str, str]) -> tuple[int, bytes]:
            status, body = whole(fields)
            answer = json.loads(body)
            asked.append(len(answer["fingerprints"]))
            answer["fingerprints"] = answer["fingerprints"][::2]
            return status, json.dumps(answer).encode()

        monkeypatch.setattr(stub.sounds, "lookup", sparse)
        found = await client.lookup(prints)
        assert [one.likely()[0].mbid for one in found] == list(stub.world.recordings)[:6] and not any(one.rejected for one in found)
        assert asked == [6, 3, 1]

    play(story)


def test_a_batch_of_nothing_but_rubbish_ends() -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        found = await client.lookup([Print("rubbish", 100), Print("AQAA", 100), Print(text(tune(1)), 0)])
        assert all(each.rejected for each in found)

    play(story)


def test_a_server_that_refuses_a_batch_and_then_fails_is_waited_for_and_told_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        prints, whole = heard(stub, range(2)), stub.sounds.lookup
        said = [3, 14]  # no fingerprint; too many requests

        def failing(fields: Mapping[str, str]) -> tuple[int, bytes]:
            if not said:
                return whole(fields)
            error = {"status": "error", "error": {"code": said.pop(0), "message": "as it goes"}}
            return 400, json.dumps(error).encode()

        monkeypatch.setattr(stub.sounds, "lookup", failing)
        assert all(each.recordings for each in await client.lookup(prints))
        said += [3] + [14] * 20
        with pytest.raises(UserError) as caught:
            await client.lookup([Print(text(tune(40)), 100), Print(text(tune(41)), 100)])
        assert caught.value.code == "network"

    play(story)


def test_a_busy_server_gets_half_as_many_and_all_are_answered() -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        prints = heard(stub, range(20))
        stub.fail("too_many", 2, retry_after=3)
        found = await client.lookup(prints)
        assert all(each.recordings for each in found)
        assert [sum(name.startswith("fingerprint.") for name in seen.query) for seen in stub.seen] == [20, 10, 5, 5, 5, 5]
        assert sum(clock.slept) >= 6

    play(story)


def test_an_outage_is_told_and_never_remembered_as_unknown() -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        prints = heard(stub, range(3))
        stub.fail("reset", 2)
        with pytest.raises(UserError) as caught:
            await client.lookup(prints)
        assert caught.value.code == "network"
        assert all(each.recordings for each in await client.lookup(prints))

    play(story)


@pytest.mark.parametrize("kind", ["not_xml", "truncated", "hang", "reset", "server_error", "unavailable"])
def test_a_bad_answer_is_an_error_that_says_what_to_do(kind: str) -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        stub.fail(kind, 50)  # type: ignore[arg-type]
        with pytest.raises(UserError) as caught:
            await client.lookup([Print(text(tune(1)), 100)])
        assert caught.value.code == "network" and caught.value.hint and KEY not in str(caught.value)
        assert len(stub.seen) <= 6

    play(story, timeout_s=0.2)


def test_a_wrong_key_is_told_and_without_one_nothing_is_asked() -> None:
    async def wrong(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        with pytest.raises(UserError) as caught:
            await client.lookup([Print(text(tune(1)), 100)])
        assert caught.value.code == "config" and "acoustid.key" in caught.value.hint

    async def none(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        assert not client.enabled
        with pytest.raises(UserError):
            await client.lookup([Print(text(tune(1)), 100)])
        assert not stub.seen

    play(wrong, key="another")
    play(none, key="")


@pytest.mark.parametrize("url", ["http://api.acoustid.org", "ftp://127.0.0.1", "api.acoustid.org"])
def test_the_key_is_only_ever_sent_over_https(url: str) -> None:
    clock = QuickClock()
    with pytest.raises(UserError) as caught:
        AcoustIdClient(AcoustID(url=url, key=Secret(KEY)), clock=clock, cache=MemoryPrintCache(clock))
    assert caught.value.code == "config"


def test_a_silent_acoustid_holds_up_neither_musicbrainz_nor_a_name_look_up() -> None:
    async def story(stub: MusicBrainzStub, client: AcoustIdClient, clock: QuickClock) -> None:
        stub.fail("hang")
        asked = asyncio.create_task(client.lookup([Print(text(tune(1)), 100)]))
        while not stub.seen:
            await asyncio.sleep(0.01)
        other = MusicBrainzStub()
        await other.start()
        music = MusicBrainzClient(MusicBrainz(url=other.url, rate_s=0), clock=clock, cache=MemoryMbCache(clock))
        assert (await music.release(PLONE)).title == "For Beginner Piano"
        await asyncio.get_running_loop().getaddrinfo("localhost", 80)
        assert not asked.done()
        music.close()
        await other.close()
        asked.cancel()

    play(story)


def test_an_answer_as_acoustid_really_sends_it_is_read() -> None:
    sound = '"id": "a9b004fe-e161-417c-9f9e-443e4525334d", "recordings": [{"id": "209a4536-97ac-4e8a-aff1-1d39d029044b"}], "score": 0.94'
    other = '"id": "18eab869-51dc-4948-83f7-4d8d441d5a1b", "score": 0.49'
    row = f'{{"fingerprints": [{{"index": "0", "results": [{{{sound}}}, {{{other}}}]}}], "status": "ok"}}'
    found = answers(row.encode())
    assert [(each.mbid, each.score) for each in found[0].recordings] == [("209a4536-97ac-4e8a-aff1-1d39d029044b", 0.94)]


@pytest.mark.skipif(not REAL.exists(), reason=f"{REAL} is not here")
def test_all_recorded_answers_of_the_real_service_are_read() -> None:
    for pair in json.loads(REAL.read_text()):
        asked, body = pair["request"], pair["response"].encode()
        if '"error"' in pair["response"]:
            with pytest.raises(AcoustIdError) as caught:
                answers(body)
            assert caught.value.code in (2, 3)
        else:
            found = answers(body)
            assert found and all(heard.recordings[0].mbid == "209a4536-97ac-4e8a-aff1-1d39d029044b" for heard in found.values())
            assert set(found) <= {index for index in range(20) if f"fingerprint.{index}=" in asked}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{}", b'{"status": "ok"}', b'{"status": "ok", "fingerprints": [1]}', b"[" * 100_000, b'{"status": "error"}',
        b'{"status": "ok", "fingerprints": [{"index": "x", "results": []}]}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_answer_is_a_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        answers(body)


def test_hostile_values_in_an_answer_are_left_out() -> None:
    rows = [
        {"id": "x"},
        {"id": 3},
        None,
        {"id": ON_MY_BUS, "title": "\x1b[2J", "sources": -5, "duration": "long", "releases": [{"id": "y"}, 7, {"id": PLONE}]},
    ]
    body = {
        "status": "ok",
        "fingerprints": [{"index": 0, "results": [{"score": 7, "recordings": rows}, {"score": 0.9, "recordings": rows}, 5]}],
    }
    (one,) = answers(json.dumps(body).encode())[0].recordings
    assert (one.mbid, one.score, one.sources, one.seconds, one.releases) == (ON_MY_BUS, 0.9, 1, None, (PLONE,)) and "\x1b" not in one.title


def test_the_made_up_text_is_what_the_library_reads() -> None:
    line = tune(5)
    assert list(items(text(line))) == line
