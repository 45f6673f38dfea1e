"""`slskdn discover` and `slskdn labels` against a running engine, a MusicBrainz on a socket, and what nodes said of labels."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from engine_world import Album, World, until

from slskdn_tui import main
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.store.database import Database
from slskdn_tui.engine.store.library.popularity import PopularityTable
from slskdn_tui.lab.data import Credit, RelationFact, ReleaseFact
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.model.graph import DiscographyView, LabelView
from slskdn_tui.model.heard import HeardVariant, Voice
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.parents import Member, ParentRecord, ParentType
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant
from slskdn_tui.model.views import Unchanged, ViewKey
from slskdn_tui.seam import Command
from tests.fakes.discography import ARTIST, LABELS, edition, group, mbid

NOTHING = Album(Path("/nonexistent"), Path("/nonexistent"))
ALBUM, EP, BOOT = group(1), group(2, "EP"), group(3)
FACTS = (
    edition(ALBUM, 0, date="1991-11-04", labels=LABELS[:1]),
    edition(ALBUM, 1, date="2012", labels=LABELS[1:]),
    edition(EP, date="1988", labels=LABELS[1:]),
    edition(BOOT, status="Bootleg"),
)


PRODUCER = mbid("producer")


class Lab(World):
    def __init__(self, root: Path, facts: Sequence[ReleaseFact] = FACTS) -> None:
        super().__init__(root, NOTHING)
        self.stub = MusicBrainzStub(facts, relations=[RelationFact(FACTS[2].mbid, "producer", "artist", PRODUCER, "A Producer")])

    async def quiet(self) -> Engine:
        """An engine off every network but MusicBrainz."""
        return await self.engine(soulseek={"enabled": False}, overlay={"enabled": True})

    async def slskdn(self, capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
        argv = [*words, "--profile", str(self.paths("me").profile)]
        code = await asyncio.to_thread(main.main, argv)
        out = capsys.readouterr()
        return code, out.out, out.err

    async def json(self, capsys: pytest.CaptureFixture[str], *words: str) -> Any:
        code, out, err = await self.slskdn(capsys, *words, "--json")
        assert code == 0, (out, err)
        return json.loads(out)


def heard(number: int, label: str, release: str, score: float, codec: str = "flac") -> HeardVariant:
    what = Variant(f"{number:064x}", "file", 1000 + number, mbid("song", number), codec, f"{codec} profile", 200_000, score=score)
    return HeardVariant(what, "no_evidence", SafeText("grid-1"), 0.1, 11.0, SafeText("libFLAC"), SafeText(label), release)


def test_a_discography_is_printed_and_another_edition_can_stand_for_an_album(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            await world.quiet()
            code, out, _ = await world.slskdn(capsys, "discover", "artist", "The", "Generated")
            assert code == 0 and "Core: 1, 0 here" in out and "Extended: 1, 0 here" in out and "1 bootleg left out" in out
            assert out.index("Record 1") < out.index("Record 2") and FACTS[0].mbid in out and FACTS[3].mbid not in out
            seen = await world.json(capsys, "discover", "artist", ARTIST.mbid, "--years", "1990-1999")
            assert [(row["section"], row["title"], row["release"]) for row in seen["rows"]] == [("core", "Record 1", FACTS[0].mbid)]
            asked = len(world.stub.seen)
            seen = await world.json(capsys, "discover", "artist", ARTIST.mbid, "--label", "Second Label", "--section", "core")
            assert [row["release"] for row in seen["rows"]] == [FACTS[1].mbid]
            assert len(world.stub.seen) == asked, "filters ask nobody"
            code, out, _ = await world.slskdn(capsys, "discover", "edition", FACTS[1].mbid)
            assert code == 0 and "stands for its group" in out
            seen = await world.json(capsys, "discover", "artist", ARTIST.mbid, "--section", "core")
            assert [(row["release"], row["chosen"]) for row in seen["rows"]] == [(FACTS[1].mbid, True)]
            code, out, err = await world.slskdn(capsys, "discover", "artist", mbid("nobody"))
            assert code == 4 and "knows no artist" in err
            code, out, _ = await world.slskdn(capsys, "discover", "release", f"https://musicbrainz.org/release/{FACTS[0].mbid}")
            assert code == 0 and "2 editions" in out and "same label" in out and LABELS[0].mbid in out
            seen = await world.json(capsys, "discover", "label", "second label")
            assert [row["title"] for row in seen["rows"]] == ["Record 1", "Record 2"]
            code, out, _ = await world.slskdn(capsys, "discover", "release", FACTS[2].mbid)
            assert code == 0 and "also by this producer" in out and PRODUCER in out
            for named in (PRODUCER, f"https://musicbrainz.org/artist/{PRODUCER}"):
                seen = await world.json(capsys, "discover", "producer", named)
                assert [row["title"] for row in seen["rows"]] == ["Record 2"]

    asyncio.run(story())


def test_labels_are_listed_as_the_mesh_has_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            aggregates = engine.aggregates
            assert aggregates is not None
            releases = [mbid("crate", number) for number in range(3)]
            for node in range(1, 6):
                has = [heard(number, "Warp Records", releases[number], 0.5 + number / 10) for number in range(3) if node > number]
                aggregates.advertised(Voice(f"{node:02x}" * 32, f"127.1.{node}.1", True), has, (), whole=True)
            aggregates.advertised(Voice("09" * 32, "127.1.9.1", True), [heard(8, "Creation", mbid("x"), 0.9, "mp3")], (), whole=True)
            await aggregates.flush()
            found = await world.json(capsys, "labels", "list")
            assert {(row["label"], row["releases"]) for row in found} == {("Warp Records", 3), ("Creation", 1)}
            assert [row["label"] for row in await world.json(capsys, "labels", "list", "WARP")] == ["Warp Records"]
            shown = await world.json(capsys, "labels", "show", "warp", "records")
            # Nobody here has delivered to us yet, so all five are strangers; none counts as a peer.
            assert [(row["release"], row["strangers"], row["peers"]) for row in shown["rows"]] == [
                (releases[0], 5, 0),
                (releases[1], 4, 0),
                (releases[2], 3, 0),
            ]
            shown = await world.json(capsys, "labels", "show", "Warp Records", "--score", "0.59", "--codec", "flac")
            assert [row["release"] for row in shown["rows"]] == releases[1:]
            code, out, _ = await world.slskdn(capsys, "labels", "show", "Creation", "--codec", "FLAC")
            assert code == 4 and "none passes the filter" in out

    asyncio.run(story())


def test_a_label_whose_titles_come_while_it_is_drawn_is_not_done_before_they_are_shown(tmp_path: Path) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            assert engine.aggregates is not None
            engine.aggregates.advertised(Voice("01" * 32, "127.1.1.1", True), [heard(1, "First Label", FACTS[0].mbid, 0.9)], (), whole=True)
            await engine.aggregates.flush()
            owned = engine.owned_releases

            async def late(releases: Any) -> Any:
                await until(lambda: not engine.graph.lines.asking, "MusicBrainz has answered")
                return await owned(releases)

            engine.owned_releases = late  # type: ignore[method-assign]
            seen = [await engine.snapshot(ViewKey("label", "First Label")) for _ in range(2)]
            told = [(view.state, [str(row.title) for row in view.rows]) for view in seen if isinstance(view, LabelView)]
            assert told == [("asking", [""]), ("done", ["Record 1"])]

    asyncio.run(story())


def test_what_the_mesh_has_of_a_label_gets_titles_and_years_by_one_question(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            assert engine.aggregates is not None
            has = [heard(number, "First Label", fact.mbid, 0.9) for number, fact in enumerate(FACTS)]
            engine.aggregates.advertised(
                Voice("01" * 32, "127.1.1.1", True), [*has, heard(9, "First Label", mbid("unheard of"), 0.9)], (), whole=True
            )
            await engine.aggregates.flush()
            shown = await world.json(capsys, "labels", "show", "first label")
            told = {row["release"]: (row["title"], row["year"]) for row in shown["rows"]}
            assert (shown["state"], shown["total"], told) == (
                "done",
                3,
                {FACTS[0].mbid: ("Record 1", 1991), FACTS[3].mbid: ("Record 3", 1999), mbid("unheard of"): ("", None)},
            )
            # Two that nodes call "First Label" MusicBrainz lists on the second: they count there.
            listed = await world.json(capsys, "labels", "list")
            assert {(row["label"], row["releases"]) for row in listed} == {("First Label", 3), ("Second Label", 2)}
            other = await world.json(capsys, "labels", "show", "second label")
            assert {(row["release"], row["title"]) for row in other["rows"]} == {(FACTS[1].mbid, "Record 1"), (FACTS[2].mbid, "Record 2")}
            shown = await world.json(capsys, "labels", "show", "first label", "--years", "1990-2000")
            assert {row["release"] for row in shown["rows"]} == {FACTS[0].mbid, FACTS[3].mbid}
            assert len(world.stub.seen) == 1
            code, out, _ = await world.slskdn(capsys, "labels", "crate", "first", "label", "--years", "1990-2000", "--top", "25")
            assert code == 0 and "First Label, 2 releases (25)" in out

    asyncio.run(story())


def test_labels_are_shown_without_titles_while_musicbrainz_is_away(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            assert engine.aggregates is not None
            engine.aggregates.advertised(Voice("01" * 32, "127.1.1.1", True), [heard(0, "First Label", FACTS[0].mbid, 0.9)], (), whole=True)
            await engine.aggregates.flush()
            world.stub.fail("not_xml", 9)
            code, out, err = await world.slskdn(capsys, "labels", "show", "first label")
            assert code == 0 and FACTS[0].mbid in out and "titles and years are lacking" in err

    asyncio.run(story())


def test_how_many_releases_it_would_be_is_said_without_beginning(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            for scope, count in (("core", 1), ("extended", 2)):
                seen = await world.json(capsys, "discover", "artist", "the generated", "--get", scope, "--dry-run")
                assert (seen["releases"], "parent_id" in seen) == (count, False)
            assert engine.aggregates is not None
            engine.aggregates.advertised(Voice("01" * 32, "127.1.1.1", True), [heard(1, "First Label", FACTS[0].mbid, 0.9)], (), whole=True)
            await engine.aggregates.flush()
            seen = await world.json(capsys, "labels", "crate", "first label", "--dry-run")
            assert seen["releases"] == 1
            code, _, err = await world.slskdn(capsys, "labels", "crate", "second label")
            assert code == 10 and "no node tells of a release of 'second label'" in err and "slskdn discover label" in err
            assert engine.parents.all() == []

    asyncio.run(story())


def test_an_album_that_is_got_says_so_in_the_tree_and_in_the_crate(tmp_path: Path) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            assert engine.aggregates is not None
            engine.aggregates.advertised(Voice("01" * 32, "127.1.1.1", True), [heard(1, "First Label", FACTS[0].mbid, 0.9)], (), whole=True)
            await engine.aggregates.flush()
            begun = await engine.submit(Command("jobs.create", {"reference": FACTS[0].mbid}))
            assert (await engine.submit(Command("jobs.pause", {"job": begun.data["job_id"]}))).ok  # so that it stands still
            await engine.graph.whole(f"artist/{ARTIST.mbid}")
            view = await engine.snapshot(ViewKey("discography", f"artist/{ARTIST.mbid}"))
            assert isinstance(view, DiscographyView)
            assert [(row.title, bool(row.doing)) for row in view.rows] == [("Record 1", True), ("Record 2", False)]
            again = await engine.snapshot(ViewKey("discography", f"artist/{ARTIST.mbid}"), view.version)
            assert isinstance(again, Unchanged), "a screen that looks again is sent nothing"
            crate = await engine.snapshot(ViewKey("label", "First Label"))
            assert isinstance(crate, LabelView) and crate.rows[0].doing

    asyncio.run(story())


def test_of_a_name_that_two_have_the_view_says_who_they_are(tmp_path: Path) -> None:
    async def story() -> None:
        twin = Credit(mbid("twin"), "The Generated", "Generated, The")
        async with Lab(tmp_path, (*FACTS, edition(group(9, artist=(twin,))))) as world:
            engine = await world.quiet()
            key = ViewKey("discography", "artist/the generated")
            await engine.snapshot(key)
            await until(lambda: engine.graph.look(key.subject).error is not None, "MusicBrainz has answered")
            view = await engine.snapshot(key)
            assert isinstance(view, DiscographyView) and (view.state, view.code) == ("failed", "usage")
            assert {link.mbid for link in view.links} == {ARTIST.mbid, twin.mbid}

    asyncio.run(story())


def test_a_discography_is_got_as_a_parent_job_that_waits_for_soulseek(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            await world.slskdn(capsys, "discover", "edition", FACTS[1].mbid)
            code, out, _ = await world.slskdn(capsys, "discover", "artist", "the generated", "--get", "extended")
            assert code == 0 and "The Generated, 2 releases (extended)" in out
            [record] = engine.parents.all()
            assert [member.release_mbid for member in record.members] == [FACTS[1].mbid, FACTS[2].mbid], "the edition that was chosen"
            await until(lambda: engine.parents.notes, "the parent says what it waits for")
            code, out, _ = await world.slskdn(capsys, "jobs", "parents")
            assert code == 0 and "The Generated (extended)" in out and "waits for Soulseek" in out and "0 of 2" in out
            code, out, _ = await world.slskdn(capsys, "jobs", "parents", record.parent_id[:6])
            assert code == 0 and "Record 1" in out and "Record 2" in out and out.count("waiting") >= 2
            code, out, _ = await world.slskdn(capsys, "jobs", "export", record.parent_id[:6])
            assert code == 0 and "type: discography" in out and FACTS[2].mbid in out
            code, _, err = await world.slskdn(capsys, "discover", "artist", "the generated", "--get", "core", "--missing")
            assert code == 2 and "--missing" in err
            code, _, err = await world.slskdn(capsys, "discover", "artist", "the generated", "--get", "core", "--years", "1950")
            assert code == 10 and "nothing to get" in err
            assert engine.runner.jobs() == []

    asyncio.run(story())


def test_a_lost_database_brings_a_parent_back_from_its_manifest(tmp_path: Path) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            result = await engine.submit(Command("discover.get", {"artist": ARTIST.mbid}))
            assert result.ok
            await engine.stop()
            for path in world.paths("me").state_db.parent.glob("state.db*"):
                path.unlink()
            again = await world.start("me", world.settings("me", soulseek={"enabled": False}))
            [record] = again.parents.all()
            assert (record.parent_id, record.state, len(record.members)) == (result.data["parent_id"], "active", 1)

    asyncio.run(story())


def test_a_job_started_just_before_a_kill_is_found_again_and_its_end_is_the_releases_end(tmp_path: Path) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            record = await engine.parents.create(
                ParentRecord(
                    "", ParentType.DISCOGRAPHY, ARTIST.mbid, SafeText("x"), "core", members=[Member(FACTS[0].mbid), Member(FACTS[2].mbid)]
                )
            )
            job = await engine.runner.create(await engine.music.release(FACTS[0].mbid), Constraints(), details={"parent": record.parent_id})
            await until(lambda: record.members[0].job_id == job.job_id, "its job is noted")
            assert record.members[1].job_id == ""
            await engine.runner.cancel(job)
            await until(lambda: record.members[0].outcome == "cancelled", "its end is noted")
            assert record.state == "active"

    asyncio.run(story())


def test_without_an_engine_parents_and_labels_are_shown_as_they_were_stored(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            assert (await world.slskdn(capsys, "jobs", "parents"))[1].startswith("No discography")
            engine = await world.quiet()
            assert engine.aggregates is not None
            engine.aggregates.advertised(Voice("01" * 32, "127.1.1.1", True), [heard(0, "First Label", FACTS[0].mbid, 0.9)], (), whole=True)
            await engine.aggregates.flush()
            result = await engine.submit(Command("discover.get", {"artist": ARTIST.mbid}))
            await engine.stop()
            code, out, _ = await world.slskdn(capsys, "jobs", "parents", result.data["parent_id"][:8])
            assert code == 0 and "The Generated (core)" in out and "Record 1" in out
            assert (await world.slskdn(capsys, "jobs", "parents", "ffff"))[0] == 4
            assert [row["label"] for row in await world.json(capsys, "labels", "list", "first")] == ["First Label"]

    asyncio.run(story())


def test_a_prefix_among_20_000_labels_is_found_by_the_index(tmp_path: Path) -> None:
    async def story() -> None:
        async with Lab(tmp_path) as world:
            engine = await world.quiet()
            rows = [(f"label {number:05}", f"Label {number:05}", mbid("r", number), 1, 0, None, "") for number in range(20_000)]
            await engine.store.library.write(
                lambda connection: connection.executemany("INSERT INTO LabelPopularity VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            )
            asked: list[tuple[str, Any]] = []

            class Listening:
                async def fetch(self, sql: str, parameters: Any = ()) -> list[Any]:
                    asked.append((sql, parameters))
                    return await engine.store.library.fetch(sql, parameters)

            found = await PopularityTable(cast(Database, Listening())).labels("LABEL 0123", limit=20)
            assert [row.name for row in found] == [f"Label 0123{digit}" for digit in range(10)]
            [(sql, parameters)] = asked
            plan = await engine.store.library.fetch(f"EXPLAIN QUERY PLAN {sql}", parameters)
            assert len(plan) == 1 and "SEARCH LabelPopularity USING PRIMARY KEY (label_key>? AND label_key<?)" in plan[0][3], plan

    asyncio.run(story())
