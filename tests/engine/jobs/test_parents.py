"""Discographies and crates on a whole engine: a job a release, at the search gate's pace, through pauses and kills."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from aioslsk.transfer.model import Transfer
from engine_world import ONLINE, SECONDS, Album, World, completed, release_of, sha, until

from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs.parents import parents as parents_shell
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.peers.reputation import ChunkOutcome
from slskdn_tui.engine.remote import RemoteEngine
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.lab.data import GroupFact, LabelFact, MediumFact, ReleaseFact, demo_release, shortened
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.model.graph import LabelView
from slskdn_tui.model.heard import HeardVariant
from slskdn_tui.model.parents import ParentsView
from slskdn_tui.model.stats import StatsView, share
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant
from slskdn_tui.model.views import JobsView, ViewKey
from slskdn_tui.seam import Command
from tests.fakes.discography import mbid
from tests.fakes.heard import FilledStock

sys.path.append(str(Path(__file__).parents[1] / "overlay"))
import overlay_world

pytestmark = [pytest.mark.usefixtures("quick"), pytest.mark.slow]
WARP = LabelFact(mbid("warp"), "Warp Records")
NAMES = ("Amber", "Basalt", "Copper", "Dolomite", "Emerald", "Feldspar", "Granite", "Hematite", "Iolite", "Jasper")


def records(count: int) -> tuple[ReleaseFact, ...]:
    """So many albums by the demo's artist, of one track each."""
    whole = shortened(demo_release(), SECONDS)
    medium = whole.media[0]
    made = []
    for number, (name, track) in enumerate(zip(NAMES[:count], medium.tracks, strict=False)):
        one = MediumFact(mbid("disc", number), 1, "CD", (replace(track, position=1, number="1"),))
        group = GroupFact(mbid("record", number), name, "Album", whole.artist)
        made.append(
            replace(
                whole,
                mbid=mbid("release", number),
                title=name,
                group=group,
                media=(one,),
                date=f"{1990 + number}-01-01",
                labels=(WARP,),
                discogs="",
            )
        )
    return tuple(made)


class Lab(World):
    def __init__(self, root: Path, album: Album, count: int) -> None:
        super().__init__(root, album, tracks=count)
        self.records = records(count)
        self.stub = MusicBrainzStub(self.records)

    async def everybody(self, names: Sequence[str] = ("mono_lith",)) -> None:
        """Each shares every album, each in a folder of its name."""
        for name in names:
            holder = await self.holder(name, {})
            for record, track in zip(self.records, self.album.tracks(self.count), strict=True):
                folder = self.root / "users" / name / f"Plone - {record.title}"
                folder.mkdir(parents=True)
                (folder / f"01 - {record.media[0].tracks[0].title}.flac").write_bytes(track.read_bytes())
            await holder.shares.scan()

    async def told_by(self, engine: Engine, counts: Sequence[int]) -> None:
        """Mesh nodes that dial the engine and advertise so many of the albums each, the first ones; it has had verified bytes of them before."""
        assert engine.aggregates is not None
        mesh = overlay_world.World()
        self._stack.push_async_callback(mesh.stop)
        host, _, port = engine.settings.overlay.listen.rpartition(":")
        for number, count in enumerate(counts, start=1):
            who = NodeIdentity.ephemeral()
            has = [
                HeardVariant(
                    Variant(f"{at:064x}", "file", 9, record.media[0].tracks[0].recording, "flac", "FLAC 16/44.1 2ch", 5000, score=0.9),
                    "no_evidence", SafeText("grid-1"), 0.1, 11.0, SafeText("libFLAC"), SafeText("Warp Records"), record.mbid,
                )
                for at, record in enumerate(self.records[:count])
            ]  # fmt: skip
            talk = Gossip(who.node_id, who, FilledStock(has), SystemClock(), Random(number))
            engine.book.outcome(who.node_id, ChunkOutcome.OK)
            await (await mesh.node(number, identity=who, talk=talk)).dial(host, int(port))
            talk.round()
        await until(lambda: engine.gossip and engine.gossip.counters["adverts new"] == len(counts), "all adverts are here")
        await engine.aggregates.flush()

    def placed(self) -> list[str]:
        return sorted(sha(path) for path in (self.root / "me" / "music").rglob("*.flac"))


def only(engine: Engine) -> str:
    [record] = engine.parents.all()
    return str(record.state)


def standing(engine: Engine) -> str:
    found = [(one.title, one.outcome, one.reason, one.job_id[:8]) for record in engine.parents.all() for one in record.members]
    jobs = [(job.job_id[:8], str(job.record.state), job.record.error, [live.why for live in job.tracks]) for job in engine.runner.jobs()]
    return f"{found} {engine.parents.notes} {jobs}"


def test_a_crate_of_ten_from_adverts_of_five_nodes_completes(tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parents_shell, "LOOK_S", 0.05)

    async def main() -> None:
        async with Lab(tmp_path, album, 10) as world:
            await world.everybody()
            engine = await world.engine()
            await engine.soulseek.wait_online()
            await world.told_by(engine, [2, 4, 6, 8, 10])  # node 1 has two of them, node 5 all ten
            label = await engine.snapshot(ViewKey("label", "Warp Records"))
            assert isinstance(label, LabelView)
            counts = {row.release: (row.peers, row.strangers) for row in label.rows}
            assert counts == {record.mbid: (5 - number // 2, 0) for number, record in enumerate(world.records)}
            seen = await engine.store.popularity.releases("Warp Records")
            result = await engine.submit(Command("labels.crate", {"label": ["warp", "records"], "top": "10"}))
            assert result.ok and result.data["releases"] == 10, result
            await until(lambda: only(engine) == "completed", "the crate is complete")
            assert world.placed() == sorted(world.truth)
            jobs = [job.record for job in engine.runner.jobs()]
            assert [record.release.mbid for record in jobs[:2]] == [one.release_mbid for one in seen[:2]], "most peers first"
            view = await engine.snapshot(ViewKey("parents"))
            assert isinstance(view, ParentsView)
            [row] = view.rows
            assert (row.type, row.scope, row.total, row.done, row.failed, row.waiting, row.running) == (
                "label_crate",
                "10",
                10,
                10,
                0,
                0,
                0,
            )
            tree = await engine.snapshot(ViewKey("jobs", "tree"))
            assert isinstance(tree, JobsView) and [(row.level, row.children, row.state) for row in tree.rows] == [
                (0, 10, "completed"),
                *[(1, 0, "completed")] * 10,
            ]
            assert tree.rows[0].title == "Warp Records: crate, 10" and {row.release for row in tree.rows[1:]} == {
                one.release_mbid for one in seen
            }
            again = await engine.submit(Command("labels.crate", {"label": ["Warp Records"], "top": "25"}))
            assert again.ok
            await until(lambda: engine.parents.all()[-1].state == "completed", "a second crate has nothing to do")
            assert {member.outcome for member in engine.parents.all()[-1].members} == {"here"} and len(engine.runner.jobs()) == 10

    asyncio.run(main())


def test_a_parent_is_paused_resumed_exported_cancelled_and_imported(tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parents_shell, "LOOK_S", 0.05)

    async def main() -> None:
        async with Lab(tmp_path, album, 5) as world:
            await world.everybody()
            world.holders["mono_lith"].hold(100_000)

            def wanted() -> list[Transfer]:
                """Uploads that have not ended: stock aioslsk does not hear a new request for such a file."""
                return [each for each in world.holders["mono_lith"].transfers.transfers if not each.is_finalized()]

            engine = await world.engine(downloads={"parallel": 2})
            await engine.soulseek.wait_online()
            artist = world.records[0].artist[0].mbid
            result = await engine.submit(Command("discover.get", {"artist": artist}))
            assert result.ok and result.data["releases"] == 5, result
            parent = result.data["parent_id"]
            twice = await engine.submit(Command("discover.get", {"artist": artist}))
            assert twice.code == "refused" and parent[:8] in twice.message
            await until(
                lambda: (
                    [str(job.record.state) for job in engine.runner.jobs()][:2] == ["active", "active"]
                    and world.holders["mono_lith"].total >= 90_000
                ),
                "two are fetched, as many as may be at a time",
            )
            assert (await engine.submit(Command("jobs.pause", {"job": parent[:8]}))).ok
            assert {str(job.record.state) for job in engine.runner.jobs()} == {"paused"}
            started = len(engine.runner.jobs())
            assert started <= 3, "two, and one that was searched for before the second had a source"
            await asyncio.sleep(0.3)  # time in which a parent that is not paused would start the next
            assert len(engine.runner.jobs()) == started
            await until(lambda: not wanted(), "the uploader knows that they are paused")
            exported = await engine.submit(Command("jobs.export", {"job": parent[:8]}))
            manifest = tmp_path / "discography.yaml"
            manifest.write_text(exported.data["manifest"], "utf-8")
            assert (await engine.submit(Command("jobs.resume", {"job": parent[:8]}))).ok
            await until(lambda: len(wanted()) >= started, "its jobs go on")
            assert (await engine.submit(Command("jobs.cancel", {"job": parent[:8]}))).ok
            assert {str(job.record.state) for job in engine.runner.jobs()} == {"cancelled"} and only(engine) == "cancelled"
            world.holders["mono_lith"].let_go()
            await until(lambda: not wanted(), "the uploader knows that nothing is wanted")
            edited = manifest.read_text("utf-8").replace(parent, mbid("another"))
            for job in engine.runner.jobs():
                edited = edited.replace(job.job_id, mbid("no such", job.job_id))
            manifest.write_text(edited, "utf-8")
            imported = await engine.submit(Command("jobs.import", {"file": str(manifest)}))
            assert imported.ok, imported
            try:
                await until(
                    lambda: {str(record.state) for record in engine.parents.all()} == {"cancelled", "completed"},
                    "the imported one completes",
                )
            except AssertionError:
                raise AssertionError(standing(engine)) from None
            assert world.placed() == sorted(world.truth)

    asyncio.run(main())


def test_a_parent_paused_in_mid_search_goes_on_with_what_was_answered_meanwhile(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parents_shell, "LOOK_S", 0.05)
    absent = {"never_answers"}

    async def main() -> None:
        async with Lab(tmp_path, album, 2) as world:
            await world.everybody()
            engine = await world.engine()
            await engine.soulseek.wait_online()
            ONLINE.update(absent)  # a search now goes on until its time is up
            result = await engine.submit(Command("discover.get", {"artist": world.records[0].artist[0].mbid}))
            assert result.ok and result.data["releases"] == 2, result
            parent = result.data["parent_id"]
            await until(lambda: world.server.count("FileSearch", "me") == 1, "a search is under way")
            assert (await engine.submit(Command("jobs.toggle", {"job": parent[:8]}))).ok
            ONLINE.difference_update(absent)
            assert (await engine.submit(Command("jobs.toggle", {"job": parent[:8]}))).ok
            try:
                await until(lambda: only(engine) == "completed", "it completes, without the five minutes of a repeated query")
            except AssertionError:
                raise AssertionError(standing(engine)) from None
            assert world.placed() == sorted(world.truth) and world.server.count("FileSearch", "me") == 2

    try:
        asyncio.run(main())
    finally:
        ONLINE.difference_update(absent)


def test_a_release_whose_tracks_are_all_here_on_another_one_holds_up_no_discography(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parents_shell, "LOOK_S", 0.05)

    async def main() -> None:
        lab = Lab(tmp_path, album, 3)
        first, second, third = lab.records
        lab.records = (first, replace(second, media=(replace(first.media[0], mbid=second.media[0].mbid),)), third)
        lab.stub = MusicBrainzStub(lab.records)
        async with lab as world:
            await world.everybody()
            [same] = (tmp_path / "users" / "mono_lith" / "Plone - Basalt").iterdir()
            same.write_bytes(album.tracks(1)[0].read_bytes())
            await world.holders["mono_lith"].shares.scan()
            engine = await world.engine(downloads={"skip_owned": "recording"})
            await engine.soulseek.wait_online()
            await completed(await world.create(engine, reference=first.mbid))
            artist = first.artist[0].mbid
            result = await engine.submit(Command("discover.get", {"artist": artist}))
            assert result.ok and result.data["releases"] == 2, "the one that is here by its own name is not asked for"
            await until(lambda: only(engine) == "completed", "the discography is complete")
            [record] = engine.parents.all()
            assert {str(member.title): member.outcome for member in record.members} == {"Basalt": "here", "Copper": "completed"}
            result = await engine.submit(Command("discover.get", {"artist": artist, "again": True}))
            anew = engine.parents.find(result.data["parent_id"])
            assert anew is not None
            await until(lambda: anew.state == "completed", "all of it is fetched anew")
            assert [member.outcome for member in anew.members] == ["completed"] * 3 and len(engine.runner.jobs()) == 5
            pending = await engine.submit(Command("discover.get", {"artist": artist, "again": True}))
            await engine.submit(Command("jobs.cancel", {"job": pending.data["parent_id"]}))
            stats = await engine.snapshot(ViewKey("stats"))
            assert isinstance(stats, StatsView)
            told = [[member.outcome in ("here", "completed") for member in each.members] for each in engine.parents.all()]
            assert stats.discographies == share(sum(map(all, told)), 3) and stats.discographies.part == 2
            assert stats.discography_releases == share(sum(map(sum, told)), 8) and stats.crates_a_month is None

    asyncio.run(main())


def test_of_an_album_that_is_partly_here_a_discography_fetches_what_is_missing(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parents_shell, "LOOK_S", 0.05)

    async def main() -> None:
        async with World(tmp_path, album, tracks=2) as world:
            holder = await world.holder("mono_lith")
            engine = await world.engine(downloads={"skip_owned": "recording"})
            await engine.soulseek.wait_online()
            release = release_of(2)
            first, second = release.media[0].tracks
            await completed(await world.create(engine, reference=f"https://musicbrainz.org/recording/{first.recording}"))
            sent = dict(holder.sent)
            assert len(sent) == 1
            result = await engine.submit(Command("discover.get", {"artist": release.artist[0].mbid}))
            assert result.ok and result.data["releases"] == 1, result
            await until(lambda: only(engine) == "completed", "the discography is complete")
            assert world.music() == world.truth
            [job] = [job for job in engine.runner.jobs() if job.record.details.get("parent")]
            assert [live.track.title for live in job.wanted] == [second.title]
            assert {name: count for name, count in holder.sent.items() if name in sent} == sent, "what is here is not asked for again"

    asyncio.run(main())


async def parents(engine: RemoteEngine) -> ParentsView:
    view = await engine.snapshot(ViewKey("parents"))
    assert isinstance(view, ParentsView)
    return view


async def jobs(engine: RemoteEngine) -> JobsView:
    view = await engine.snapshot(ViewKey("jobs"))
    assert isinstance(view, JobsView)
    return view


def test_a_discography_goes_on_after_kill_9_and_starts_no_release_twice(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with Lab(tmp_path, album, 3) as world:
            await world.everybody()
            holder = world.holders["mono_lith"]
            titles = [record.media[0].tracks[0].title for record in world.records]
            holder.hold(200_000, titles[1])
            world.configure("me", soulseek={"search_results": 1})  # a search ends with the one answer there is
            child = await world.serve("me")
            engine = await world.attach("me")
            result = await engine.submit(Command("discover.get", {"artist": world.records[0].artist[0].mbid}))
            assert result.ok and result.data["releases"] == 3, result
            await until(lambda: holder.sent.get(f"01 - {titles[1]}.flac", 0) >= 190_000, "the second release is under way")
            async with asyncio.timeout(240):  # and the third is found: a kill in mid-search would hold its query for five minutes
                while [row.state for row in (await jobs(engine)).rows].count("active") < 2:
                    await asyncio.sleep(0.05)
            child.process.kill()
            await child.process.wait()
            holder.let_go()
            await world.serve("me")
            engine = await world.attach("me")
            async with asyncio.timeout(240):
                while (await parents(engine)).rows[0].state != "completed":
                    await asyncio.sleep(0.2)
            view = await jobs(engine)
            assert view.total == 3 and {row.state for row in view.rows} == {"completed"}
            assert world.placed() == sorted(world.truth)
            assert holder.sent[f"01 - {titles[0]}.flac"] == album.tracks(1)[0].stat().st_size, "what was complete is not fetched again"

    asyncio.run(main())
