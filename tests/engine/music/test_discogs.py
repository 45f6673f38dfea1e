"""The look-up at Discogs: the real client library against a stub's sockets, and what the library of files keeps of it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from fakes.tagged import Library, PatientClock, album_files
from fakes.tagged import play as play_library
from test_musicbrainz_client import PLONE

from slskdn_tui.config.settings import Discogs, Secret
from slskdn_tui.engine.music.discogs.client import DiscogsClient, installed
from slskdn_tui.engine.music.discogs.keeper import DiscogsKeeper
from slskdn_tui.lab import data
from slskdn_tui.model.errors import UserError
from tests.fakes.discogs_stub import TOKEN, DiscogsStub, row, tracklist

CODE = "5021603064126"
FOLDER = "/music/Plone/For Beginner Piano"
needs_library = [
    pytest.mark.interop,
    pytest.mark.skipif(not installed(), reason="python3-discogs-client is not installed (pip install 'slskdn-tui[discogs]')"),
]
pytestmark = needs_library


def client_of(stub: DiscogsStub, clock: PatientClock, token: str = TOKEN, token_cmd: str = "", timeout_s: float = 60.0) -> DiscogsClient:
    settings = Discogs(url=stub.url, token=Secret(token), token_cmd=token_cmd)
    return DiscogsClient(settings, clock=clock, timeout_s=timeout_s)


def play(story: Callable[[DiscogsStub, DiscogsClient, PatientClock], Awaitable[None]], token: str = TOKEN, token_cmd: str = "") -> None:
    async def run() -> None:
        async with asyncio.timeout(240):
            clock = PatientClock()
            with DiscogsStub([row(7, barcode=[CODE])], {7: tracklist(10)}) as stub:
                client = client_of(stub, clock, token, token_cmd)
                try:
                    await story(stub, client, clock)
                finally:
                    client.close()

    asyncio.run(run())


def test_the_token_goes_into_a_header_and_nowhere_else_and_the_program_names_itself() -> None:
    async def story(stub: DiscogsStub, client: DiscogsClient, clock: PatientClock) -> None:
        hits, total = await client.search(barcode=CODE)
        assert total == 1 and hits[0].number == "7" and await client.track_counts("7") == {10} and await client.track_counts("8") == set()
        for path, query, headers in stub.seen:
            assert TOKEN not in path + str(query) and headers["Authorization"] == f"Discogs token={TOKEN}"
            assert headers["User-Agent"].startswith("slskdn-tui/") and headers["Accept-Encoding"] == "identity"
        assert stub.seen[0][1] | {"page": "1"} == {"type": "release", "barcode": CODE, "page": "1", "per_page": "100"}

    play(story)


def test_a_token_may_come_from_a_command_that_is_run_once() -> None:
    async def story(stub: DiscogsStub, client: DiscogsClient, clock: PatientClock) -> None:
        assert client.enabled and (await client.search(barcode=CODE))[1] == 1

    play(story, token="", token_cmd=f"printf '{TOKEN}\\nmore\\n'")


def test_requests_keep_the_pace_the_answers_grant_and_a_used_up_minute_is_waited_for() -> None:
    async def story(stub: DiscogsStub, client: DiscogsClient, clock: PatientClock) -> None:
        stub.headers = {"X-Discogs-Ratelimit": "60", "X-Discogs-Ratelimit-Remaining": "40"}
        for _ in range(3):
            await client.search(barcode=CODE)
        assert clock.slept == [1, 1]
        stub.headers["X-Discogs-Ratelimit"] = "30"
        await client.search(barcode=CODE)
        await client.search(barcode=CODE)
        assert clock.slept[2:] == [1, 2]
        stub.headers["X-Discogs-Ratelimit-Remaining"] = "0"
        await client.search(barcode=CODE)
        await client.search(barcode=CODE)
        assert clock.slept[4:] == [2, 60]

    play(story)


def test_too_many_requests_are_waited_out_and_asked_again_and_a_long_silence_is_told() -> None:
    async def story(stub: DiscogsStub, client: DiscogsClient, clock: PatientClock) -> None:
        busy = b'{"message": "You are making requests too quickly."}'
        stub.answers = [(429, busy, {"Retry-After": "7"}), (429, busy, {})]
        assert (await client.search(barcode=CODE))[1] == 1
        assert len(stub.seen) == 3 and sum(clock.slept) >= 120
        stub.answers = [(429, busy, {"Retry-After": "3600"})]
        with pytest.raises(UserError, match="3600 s of silence"):
            await client.search(barcode=CODE)
        assert len(stub.seen) == 4

    play(story)


def test_a_wrong_token_is_told_and_shown_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    async def story(stub: DiscogsStub, client: DiscogsClient, clock: PatientClock) -> None:
        with pytest.raises(UserError) as caught:
            await client.search(barcode=CODE)
        assert caught.value.code == "config" and len(stub.seen) == expected
        assert "wr0ng" not in f"{caught.value.message} {caught.value.hint} {caplog.text}"

    expected = 1
    with caplog.at_level(logging.DEBUG):
        play(story, token="wr0ng")
        expected = 0
        play(story, token="wr0ng\n")  # http.client's words of a header that cannot be would hold it


HUGE = b'{"pagination": {"items": 1}, "results": [' + b'{"id": 1},' * 900_000 + b"{}]}"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b"<html>log in</html>"),
        (200, b"\xff\xfe"),
        (200, b"[]"),
        (200, b"null"),
        (200, b'{"results": 3, "pagination": []}'),
        (200, b'{"pagination": {"items": 1, "pages": 1}, "results": [{"type": "nonsense", "id": 1}]}'),
        (200, b'{"pagination": {"items": 1, "pages": 1}, "results": ["x", null]}'),
        (200, b"[" * 200_000),
        (200, b'{"a": ' + b"9" * 10_000 + b"}"),
        (200, HUGE),
        (302, b""),
        (418, b'["no message"]'),
    ],
    ids=["html", "not utf-8", "list", "null", "types", "unknown type", "rows", "deep", "long number", "huge", "redirect", "no message"],
)
def test_an_answer_that_is_none_is_told_without_its_text(status: int, body: bytes) -> None:
    async def story(stub: DiscogsStub, client: DiscogsClient, clock: PatientClock) -> None:
        stub.answers = [(status, body, {"Location": f"{stub.url}/elsewhere"} if status == 302 else {})]
        with pytest.raises(UserError) as caught:
            await client.search(barcode=CODE)
        assert caught.value.code == "network" and len(caught.value.message) < 200 and len(stub.seen) == 1
        assert (await client.search(barcode=CODE))[1] == 1

    play(story)


def test_a_silent_server_fails_within_its_time_out_and_is_asked_three_times() -> None:
    async def run() -> None:
        server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)  # accepts and never answers
        clock = PatientClock()
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = DiscogsClient(Discogs(url=url, token=Secret(TOKEN)), clock=clock, timeout_s=0.1)
        with pytest.raises(UserError, match="cannot ask Discogs"):
            await client.search(barcode=CODE)
        assert clock.slept == [2, 4]
        client.close()
        server.close()

    asyncio.run(run())


# What the library of files keeps of it -------------------------------------------------------------------------------


def numbers(
    tmp_path: Path, stub: DiscogsStub, story: Callable[[Library, DiscogsKeeper, PatientClock], Awaitable[None]], **of: str
) -> list[str]:
    """Play a library with Plone's album in it, tagged with ids; what was told."""
    told: list[str] = []

    async def inner(library: Library) -> None:
        clock = PatientClock()
        await library.add([(file, "") for file in album_files(data.demo_release(), FOLDER, ids=True)])
        await library.identifier.run()
        client = client_of(stub, clock, **of)
        keeper = DiscogsKeeper(library.store, library.music, client, clock=clock, tell=lambda event, words: told.append(words))
        try:
            await story(library, keeper, clock)
        finally:
            client.close()

    play_library(tmp_path, inner)
    return told


async def known(library: Library) -> set[str]:
    page, _ = await library.store.files.page(limit=100)
    return {file.discogs_release for file in page}


def test_an_album_without_a_link_gets_its_number_by_barcode_for_one_request_and_the_second_pass_costs_none(tmp_path: Path) -> None:
    async def story(library: Library, keeper: DiscogsKeeper, clock: PatientClock) -> None:
        assert await known(library) == {""}
        assert await keeper.run() and await keeper.run()
        assert await known(library) == {"7"} and len(stub.seen) == 1
        kept = await library.store.releases.get(PLONE)
        assert kept is not None and kept.discogs == "7"
        # files that are identified anew get it back from what is kept
        await library.store.library.execute("UPDATE HashDb SET discogs_release_id = ''", ())
        assert await keeper.run() and await known(library) == {"7"} and len(stub.seen) == 1

    with DiscogsStub([row(7, barcode=[CODE])]) as stub:
        told = numbers(tmp_path, stub, story)
    assert told == ["1 release looked up at Discogs: 1 found"]


@pytest.mark.parametrize(
    ("tracks", "number"),
    [({7: tracklist(10), 8: tracklist(12)}, "7"), ({7: tracklist(10), 8: tracklist(10)}, ""), ({7: tracklist(9)}, "")],
    ids=["one fits", "two fit", "none fits"],
)
def test_without_its_barcode_the_name_and_the_track_count_tell_or_nothing_is_written(
    tmp_path: Path, tracks: dict[int, list[dict[str, object]]], number: str
) -> None:
    async def story(library: Library, keeper: DiscogsKeeper, clock: PatientClock) -> None:
        await keeper.run()
        assert await known(library) == {number} and len(stub.seen) == 2 + len(tracks)
        await keeper.run()
        assert len(stub.seen) == 2 + len(tracks), "that nothing was found is kept, too"

    with DiscogsStub([row(each) for each in tracks], tracks) as stub:
        numbers(tmp_path, stub, story)


def test_without_a_token_nothing_is_asked(tmp_path: Path) -> None:
    async def story(library: Library, keeper: DiscogsKeeper, clock: PatientClock) -> None:
        assert await keeper.run() and stub.seen == [] and await known(library) == {""}

    with DiscogsStub([row(7, barcode=[CODE])]) as stub:
        assert numbers(tmp_path, stub, story, token="") == []


def test_a_link_of_musicbrainz_counts_and_nobody_is_asked(tmp_path: Path) -> None:
    async def inner(library: Library) -> None:
        fact = library.stub.world.by_id[PLONE]
        library.stub.world.by_id[PLONE] = replace(fact, discogs="1722")
        await library.add([(file, "") for file in album_files(data.demo_release(), FOLDER, ids=True)])
        await library.identifier.run()
        client = client_of(stub, PatientClock())
        await DiscogsKeeper(library.store, library.music, client, clock=PatientClock()).run()
        client.close()
        assert await known(library) == {"1722"} and stub.seen == []

    with DiscogsStub([row(7, barcode=[CODE])]) as stub:
        play_library(tmp_path, inner)


def test_an_outage_ends_the_pass_and_is_never_kept_as_nothing_found(tmp_path: Path) -> None:
    async def story(library: Library, keeper: DiscogsKeeper, clock: PatientClock) -> None:
        stub.answers = [(500, b'{"message": "x"}', {})] * 3
        assert not await keeper.run() and await known(library) == {""}
        assert await keeper.run() and await known(library) == {"7"}

    with DiscogsStub([row(7, barcode=[CODE])]) as stub:
        told = numbers(tmp_path, stub, story)
    assert told[0].startswith("the look-up at Discogs stops: cannot ask Discogs")


def test_an_outage_of_discogs_that_lasts_is_told_once_and_the_next_one_again(tmp_path: Path) -> None:
    async def story(library: Library, keeper: DiscogsKeeper, clock: PatientClock) -> None:
        tell, over = keeper._tell, asyncio.Event()

        def heard(event: str, words: str) -> None:
            tell(event, words)
            if event == "discogs":
                over.set()

        keeper._tell = heard
        keeping = asyncio.create_task(keeper.keep())
        keeper.wake()
        await over.wait()  # four passes of three attempts, and one that is answered
        assert len(stub.seen) == 13 and await known(library) == {"7"}
        keeping.cancel()
        for sql in (
            "DELETE FROM DiscogsLookups",
            "UPDATE HashDb SET discogs_release_id = ''",
            "UPDATE Release SET discogs_release_id = ''",
        ):
            await library.store.library.execute(sql, ())
        stub.answers = [(500, b'{"message": "x"}', {})] * 3
        assert not await keeper.run()

    with DiscogsStub([row(7, barcode=[CODE])]) as stub:
        stub.answers = [(500, b'{"message": "x"}', {})] * 12
        told = numbers(tmp_path, stub, story)
    stops = [words.startswith("the look-up at Discogs stops: cannot ask Discogs") for words in told]
    assert stops == [True, False, True], told
