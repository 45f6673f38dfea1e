"""The release graph against the lab's MusicBrainz, over real sockets: pages, requests, names, what is kept, what fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest

from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import MusicBrainz
from slskdn_tui.engine.music.client import MusicBrainzClient
from slskdn_tui.engine.music.graph import desk
from slskdn_tui.engine.music.graph.desk import GraphDesk
from slskdn_tui.engine.music.graph.tree import Wanted
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.store import Store
from slskdn_tui.lab.data import RelationFact, ReleaseFact, load_all
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.model.errors import UserError
from tests.fakes.discography import ARTIST, GUEST, LABELS, edition, group, large, mbid, releases

PLONE, PLONE_ALBUM = "3088b672-fba9-4b4b-8ae0-dce13babfbb4", "4f5a6b97-a09b-4893-80d1-eae1f3bfa221"
PRODUCER = mbid("producer")
_MADE = (
    *(mbid(group(number).mbid, "edition", 0) for number in range(101)),
    mbid(group(150).mbid, "song", 1),
    mbid(group(100).mbid, "song", 2),
)
RELATIONS = (
    *(RelationFact(source, "producer", "artist", PRODUCER, "A Producer") for source in _MADE),
    RelationFact(mbid(group(160).mbid, "edition", 0), "engineer", "artist", PRODUCER, "A Producer"),
    RelationFact(ARTIST.mbid, "member of band", "artist", GUEST.mbid, GUEST.name),
    RelationFact(ARTIST.mbid, "sibling", "artist", mbid("brother"), "A Brother"),
)


class World:
    def __init__(self, stub: MusicBrainzStub, store: Store) -> None:
        self.stub, self.store = stub, store
        clock = SystemClock()
        self.supervisor = Supervisor(clock)
        self.music = MusicBrainzClient(
            MusicBrainz(url=stub.url, rate_s=0.0, contact="t@localhost"), clock=clock, cache=store.mb_cache, timeout_s=120.0
        )
        self.desk = GraphDesk(self.music, store.choices, self.supervisor, clock, store.files.held_releases)

    async def close(self) -> None:
        await self.supervisor.stop()
        self.music.close()


def play(root: Path, facts: Sequence[ReleaseFact], story: Callable[[World], Awaitable[None]]) -> None:
    async def run() -> None:
        async with asyncio.timeout(240):
            stub = MusicBrainzStub(facts, relations=RELATIONS)
            await stub.start()
            store = await Store.open(Paths.of(root))
            world = World(stub, store)
            try:
                await story(world)
            finally:
                await world.close()
                await store.close()
                await stub.close()

    asyncio.run(run())


@pytest.mark.parametrize(("count", "pages"), [(25, 1), (26, 1), (100, 1), (101, 2), (250, 3)])
def test_every_release_is_read_however_many_pages_they_are(tmp_path: Path, count: int, pages: int) -> None:
    async def story(world: World) -> None:
        asked = await world.desk.whole(f"artist/{ARTIST.mbid}")
        assert asked.found is not None and len({row.hit.mbid for row in asked.found.releases}) == count and not asked.found.capped
        assert (asked.read, asked.of) == (count, count)
        assert [seen.query.get("offset", "0") for seen in world.stub.seen[1:]] == [str(100 * page) for page in range(pages)]

    play(tmp_path, releases(count), story)


def test_an_artist_of_300_groups_costs_at_most_20_requests_and_none_the_second_time(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        asked = await world.desk.whole(f"artist/{ARTIST.mbid}")
        found = await world.desk.tree(asked, Wanted())
        assert len(found.rows) == 300 and {row.editions for row in found.rows} == {4}
        assert len(world.stub.seen) == 13
        assert asked.entity is not None and [(link.relation, link.name) for link in asked.entity.links] == [("member of band", "A Guest")]
        again = World(world.stub, world.store)  # a start later
        assert await again.desk.tree(await again.desk.whole(f"artist/{ARTIST.mbid}"), Wanted()) == found
        assert len(world.stub.seen) == 13
        await again.close()

    play(tmp_path, large(), story)


def test_what_was_read_before_the_connection_broke_is_not_asked_for_again(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        seen: list[tuple[int, int]] = []

        def then_break(read: int, of: int) -> None:
            seen.append((read, of))
            if read == 200:
                world.stub.fail("not_xml")

        with pytest.raises(UserError) as told:
            await world.desk.queries.releases("artist", ARTIST.mbid, then_break)
        assert told.value.code == "network" and seen == [(100, 250), (200, 250)]
        before = len(world.stub.seen)
        found = await world.desk.queries.releases("artist", ARTIST.mbid)
        assert len(found.releases) == 250 and len(world.stub.seen) == before + 1

    play(tmp_path, releases(250), story)


def test_an_artist_of_2000_releases_is_read_whole(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        asked = await world.desk.whole(f"artist/{ARTIST.mbid}")
        assert asked.found is not None and len(asked.found.releases) == 2000 and len(world.stub.seen) == 21

    play(tmp_path, releases(2000), story)


def test_artists_and_labels_are_found_by_name(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        asked = await world.desk.whole("artist/the  GENERATED")
        assert asked.entity is not None and asked.entity.mbid == ARTIST.mbid
        label = await world.desk.whole("label/first label")
        assert label.entity is not None and label.entity.mbid == LABELS[0].mbid
        assert [row.title for row in (await world.desk.tree(label, Wanted())).rows] == ["Record 1"]
        for name, code in (
            ("nobody at all", "not_found"),
            ("Generated", "usage"),
            (f"https://musicbrainz.org/label/{LABELS[0].mbid}", "usage"),
        ):
            with pytest.raises(UserError) as told:
                await world.desk.whole(f"artist/{name}")
            assert told.value.code == code, name
        assert ARTIST.mbid in str((await _error(world, "artist/Generated")).message), "who is meant by half a name is told"

    play(tmp_path, [edition(group(1), labels=LABELS[:1])], story)


async def _error(world: World, subject: str) -> UserError:
    with pytest.raises(UserError) as told:
        await world.desk.whole(subject)
    return told.value


def test_an_unknown_artist_is_told_and_remembered(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        subject = f"artist/{mbid('nobody')}"
        assert (await _error(world, subject)).code == "not_found"
        assert (await _error(world, subject)).code == "not_found" and len(world.stub.seen) == 1
        for wrong in ("", "artist/", "song/x", "release/a name"):
            assert (await _error(world, wrong)).code == "usage"

    play(tmp_path, releases(1), story)


def test_a_release_leads_to_its_editions_its_label_and_its_artist(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        asked = await world.desk.whole(f"release/{PLONE_ALBUM}")
        found = await world.desk.tree(asked, Wanted())
        assert [(row.format, row.label, row.chosen) for row in found.rows] == [
            ("CD", "Warp Records", True),
            ("CD", "Matador Records", False),
            ("Vinyl", "Warp Records", False),
        ]
        assert asked.entity is not None and {(link.relation, link.name) for link in asked.entity.links} == {
            ("more by", "Plone"),
            ("same label", "Warp Records"),
        }
        vinyl = found.rows[2].release
        assert (await world.desk.choose(vinyl))[0] == "For Beginner Piano"
        [row] = (await world.desk.tree(await world.desk.whole(f"artist/{PLONE}"), Wanted())).rows
        assert (row.release, row.chosen, row.why) == (vinyl, True, "your choice")
        await world.desk.unchoose(vinyl)
        [row] = (await world.desk.tree(await world.desk.whole(f"artist/{PLONE}"), Wanted())).rows
        assert (row.release, row.chosen) == (PLONE_ALBUM, False)

    play(tmp_path, load_all(), story)


def test_what_failed_is_asked_again_soon_and_only_the_last_few_stay_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        nobody = world.desk.look("artist/nobody of that name")
        assert nobody.task is not None
        await nobody.task
        assert nobody.error is not None and world.desk.look("artist/nobody of that name") is nobody
        monkeypatch.setattr(desk, "AGAIN_S", 0.0)
        assert world.desk.look("artist/nobody of that name") is not nobody
        known = world.desk.look(f"artist/{ARTIST.mbid}")
        await world.desk.whole(f"artist/{ARTIST.mbid}")
        assert world.desk.look(f"artist/{ARTIST.mbid}") is known, "what is known is asked again after an hour"
        for number in range(2 * desk.KEPT):
            world.desk.look(f"label/{mbid('label', number)}")
        assert len(world.desk._asked) == desk.KEPT and world.desk.look(f"artist/{ARTIST.mbid}") is not known

    play(tmp_path, releases(3), story)


def test_a_discography_that_ends_in_a_defect_says_so_and_does_not_ask_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(world: World) -> None:
        async def defect(*args: object) -> None:
            raise RuntimeError("a defect")

        monkeypatch.setattr(world.desk.queries, "releases", defect)
        with pytest.raises(UserError, match="cannot be made out"):
            await world.desk.whole(f"artist/{ARTIST.mbid}")

    play(tmp_path, releases(3), story)


def test_a_producer_leads_to_all_that_was_produced_as_a_whole_or_in_part_and_to_nothing_else(tmp_path: Path) -> None:
    async def story(world: World) -> None:
        first = mbid(group(0).mbid, "edition", 0)
        album = await world.desk.queries.entity("release", first)
        (link,) = [link for link in album.links if link.relation == "also by this producer"]
        assert (link.kind, link.mbid, link.name) == ("producer", PRODUCER, "A Producer")
        world.stub.seen.clear()
        asked = await world.desk.whole(f"producer/{PRODUCER}")
        shown = await world.desk.tree(asked, Wanted())
        assert {str(row.title) for row in shown.rows} == {f"Record {number}" for number in (*range(101), 150)}
        assert {row.section for row in shown.rows} == {"core"} and {str(row.artist) for row in shown.rows} == {ARTIST.name}
        assert asked.entity is not None and asked.entity.name == "A Producer" and (asked.read, asked.of) == (103, 103)
        assert [seen.path.rsplit("/", 2)[-2:] for seen in world.stub.seen] == [
            ["artist", PRODUCER],
            ["release", ""],
            ["release", ""],
            ["recording", ""],
        ]
        await GraphDesk(world.music, world.store.choices, world.supervisor, SystemClock(), world.store.files.held_releases).whole(
            f"producer/{PRODUCER}"
        )
        assert len(world.stub.seen) == 4, "all of it is kept"
        with pytest.raises(UserError, match="is no producer's MBID"):
            await world.desk.whole("producer/A Producer")

    play(tmp_path, releases(170), story)
