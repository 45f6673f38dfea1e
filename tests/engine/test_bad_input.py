"""What goes wrong outside the program has words that say what to do, a code from the documented list, and leaves job and data as they were."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import pytest
from engine_world import LEAF, Album, Holder, SkippingClock, World, act, completed, until

from slskdn_tui.engine.jobs.sources import seek
from slskdn_tui.model.errors import EXIT, UserError
from slskdn_tui.model.jobs import JobState
from slskdn_tui.model.views import StatusView, ViewKey
from slskdn_tui.seam import Command, Result
from tests.fakes.ports import free_port

pytestmark = pytest.mark.usefixtures("quick")
RELEASE = "4f5a6b97-a09b-4893-80d1-eae1f3bfa221"


def taken(address: str, kind: int = socket.SOCK_STREAM) -> tuple[socket.socket, int]:
    """A port that somebody listens on."""
    holder = socket.socket(socket.AF_INET, kind)
    holder.bind((address, 0))
    if kind == socket.SOCK_STREAM:
        holder.listen(1)
    return holder, int(holder.getsockname()[1])


# The Soulseek server and the account


def test_a_job_waits_for_a_server_that_cannot_be_reached_and_goes_on_when_it_can(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            port = free_port("127.4.0.3")
            engine = await world.engine(soulseek={"server": f"127.4.0.3:{port}"})
            job = await world.create(engine)
            await until(lambda: "cannot reach" in job.record.error, "the job says why it waits", job)
            assert job.record.state is JobState.SEARCHING and "check soulseek.server" in job.record.error
            await world.another_server("127.4.0.3", port)
            await world.holder("mono_lith")
            engine.soulseek.reconnect()
            await completed(job)
            assert world.music() == world.truth and not job.record.error

    asyncio.run(main())


def test_a_wrong_password_is_said_and_the_job_goes_on_once_it_is_right(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("mono_lith")
            world.server.accounts["me"] = "another"
            engine = await world.engine()
            job = await world.create(engine)
            await until(lambda: "the password is wrong" in job.record.error, "the job says why it waits", job)
            assert job.record.state is JobState.SEARCHING and engine.soulseek.state == "refused"
            assert engine.soulseek.error is not None and engine.soulseek.error.exit_code == EXIT["auth"][0]
            assert world.server.count("Login refused", None) == 1, "a refused login is not tried again by itself"
            await until(lambda: bool(world.said("me", "job.waiting")), "it is told", job)
            assert not world.said("me", "part.failed")
            lines = [line for line in world.paths("me").log_file.read_text().splitlines() if "the server refused me" in line]
            assert sum("waiting for Soulseek" not in line for line in lines) == 1, "the log says it once"
            world.server.accounts["me"] = "secret"
            assert (await act(engine, "pause", job)).ok
            assert (await act(engine, "resume", job)).ok
            await completed(job)
            assert world.music() == world.truth

    asyncio.run(main())


def test_a_password_mended_in_the_file_is_said_not_to_be_in_force_before_a_new_start(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            world.server.accounts["me"] = "another"
            file = world.paths("me").config_file
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("soulseek: {password: wrong}\n")
            engine = await world.engine()

            async def said() -> list[str]:
                view = await engine.snapshot(ViewKey("status"))
                assert isinstance(view, StatusView)
                return [str(part.words) for part in view.parts if part.name == "settings"]

            await until(lambda: engine.soulseek.state == "refused", "the login is refused")
            assert "start slskdn again" in engine.soulseek.state_words and await said() == []
            file.write_text("soulseek: {password: another}\n")
            result = await engine.submit(Command("soulseek.reconnect", {}))
            words = f"{file} was changed since slskdn started: start it again to use what it says"
            assert result.ok and words in result.message and await said() == [words]

    asyncio.run(main())


@pytest.mark.slow
def test_a_login_elsewhere_is_not_fought_over_and_the_transfer_under_way_goes_on(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            mono.hold(3 * LEAF)
            settings = world.settings("me", rescue={"no_bytes_s": 60.0})
            engine = await world.start("me", settings, password="lab")
            job = await world.create(engine)
            await until(lambda: mono.total >= 3 * LEAF, "a transfer is under way", job)
            elsewhere = Holder(world.server_address, "me", world.address(), tmp_path / "users" / "mono_lith")
            await elsewhere.start()
            await elsewhere.login()
            await until(lambda: engine.soulseek.state == "kicked", "the engine knows")
            assert "from another place" in engine.soulseek.state_words and "log out there" in engine.soulseek.state_words
            mono.let_go()
            await until(lambda: job.tracks[0].record.state == "done", "the file under way is finished", job)
            assert world.server.count("Login", "me") == 2, "no login of its own afterwards"
            await elsewhere.stop()
            if job.record.state is not JobState.COMPLETED:
                assert (await act(engine, "pause", job)).ok
                assert (await act(engine, "resume", job)).ok
            await completed(job)
            assert world.music() == world.truth

    asyncio.run(main())


# MusicBrainz


def test_wrong_and_unknown_releases_are_told_apart(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine(soulseek={"enabled": False})

            async def create(reference: str) -> Result:
                return await engine.submit(Command("jobs.create", {"reference": reference}))

            for reference, code, words in (
                ("nonsense", "usage", "neither a MusicBrainz URL nor an MBID"),
                (RELEASE[:-1], "usage", "malformed"),
                (f"https://musicbrainz.org/artist/{RELEASE}", "usage", "a job needs a release"),
                (f"https://musicbrainz.org/recording/{RELEASE}", "not_found", "no recording"),
                (f"https://musicbrainz.org/release-group/{RELEASE}", "not_found", "no release group"),
                ("https://example.org/release/" + RELEASE, "usage", "neither"),
                ("00000000-0000-4000-8000-000000000000", "not_found", "no release"),
            ):
                result = await create(reference)
                assert (result.code, words in result.message) == (code, True), result
                assert result.hint
            assert engine.runner.jobs() == []

    asyncio.run(main())


@pytest.mark.slow
def test_musicbrainz_being_down_is_said_and_nothing_is_left_behind(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine(soulseek={"enabled": False})
            for kind in ("server_error", "not_xml", "reset"):
                world.stub.fail(kind, 5)
                result = await engine.submit(Command("jobs.create", {"reference": RELEASE}))
                assert result.code == "network" and "MusicBrainz" in result.message and result.hint, (kind, result)
                world.stub._faults.clear()
            await world.stub.close()
            result = await engine.submit(Command("jobs.create", {"reference": RELEASE}))
            assert result.code == "network" and result.hint
            assert engine.runner.jobs() == []

    asyncio.run(main())


# Nobody has it


def test_a_job_that_finds_nobody_says_so_and_asks_again_less_and_less_often(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            clock = SkippingClock()
            engine = await world.engine(clock=clock)
            job = await world.create(engine)
            for minutes, when in ((15, "15 min"), (30, "30 min"), (60, "60 min"), (120, "2 h")):
                words = f"no source for 1 track; searching again in {when}"
                await until(lambda words=words: job.record.error.startswith(words), words, job)
                assert job.record.state is JobState.SEARCHING
                assert job.tracks[0].record.state == "no src" and job.tracks[0].record.reason
                sent = world.server.count("FileSearch", "me")
                clock.skip(minutes * 60)
                await until(lambda sent=sent: world.server.count("FileSearch", "me") > sent, "it searches again", job)
            await until(lambda: "in 2 h" in job.record.error, "the last search found nobody", job)
            await world.holder("mono_lith")
            clock.skip(120 * 60)
            await completed(job)

    monkeypatch.setattr(seek, "MOST_AGAIN_S", 120 * 60.0)
    asyncio.run(main())


# Disk and folders


def test_a_full_disk_pauses_the_job_and_keeps_what_is_there(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            mono.hold(0, "02 ")
            settings = world.settings("me", rescue={"no_bytes_s": 60.0})
            engine = await world.start("me", settings)
            job = await world.create(engine)
            await until(lambda: job.tracks[0].record.state == "done", "one track is there", job)
            await engine.stop()
            mono.let_go()
            full = settings.model_copy(update={"downloads": settings.downloads.model_copy(update={"free_space_mib": 1 << 40})})
            engine = await world.start("me", full)
            job = engine.runner.find(job.job_id)
            await until(lambda: job.record.state is JobState.PAUSED, "the job pauses itself", job)
            assert "disk is full" in job.record.error or "space" in job.record.error
            await until(lambda: world.said("me", "job.disk"), "the log says so")
            assert "resume" in world.said("me", "job.disk")[-1]
            assert not world.said("me", "part.failed")
            assert world.music() == world.truth[:1]
            await engine.stop()
            engine = await world.start("me", settings)
            job = engine.runner.find(job.job_id)
            assert (await act(engine, "resume", job)).ok
            await completed(job)
            assert world.music() == world.truth

    asyncio.run(main())


def test_a_download_folder_that_vanishes_pauses_the_job_and_loses_no_byte(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            mono = await world.holder("mono_lith")
            mono.hold(3 * LEAF)
            engine = await world.engine(rescue={"no_bytes_s": 60.0})
            job = await world.create(engine)
            await until(lambda: mono.total == 3 * LEAF, "a transfer is under way", job)
            music = tmp_path / "me" / "music"
            music.rmdir()
            music.write_text("not a folder")
            mono.let_go()
            await until(lambda: job.record.state is JobState.PAUSED, "the job pauses itself", job)
            assert str(music) in job.record.error and not world.said("me", "part.failed")
            music.unlink()
            music.mkdir()  # one that is gone is not made anew by itself: its disk may only not be mounted
            sent = mono.total
            assert (await act(engine, "resume", job)).ok
            await completed(job)
            assert world.music() == world.truth
            assert mono.total - sent <= LEAF, "what is there is not fetched again"

    asyncio.run(main())


def test_a_folder_that_cannot_be_made_stops_the_start(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            (tmp_path / "file").write_text("")
            with pytest.raises(UserError) as caught:
                await world.engine(downloads={"folder": str(tmp_path / "file" / "music")})
            assert caught.value.code == "disk" and "file/music" in caught.value.message and caught.value.hint
            assert (await world.engine()).runner.jobs() == []  # the profile is not left locked

    asyncio.run(main())


def test_a_profile_that_cannot_be_written_refuses_a_job_in_words(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            engine = await world.engine(soulseek={"enabled": False})
            active = world.paths("me").jobs / "active"
            active.rmdir()
            active.write_text("not a folder")
            result = await engine.submit(Command("jobs.create", {"reference": RELEASE}))
            assert result.code == "disk" and str(active) in result.message and result.hint
            assert engine.runner.jobs() == [] and await engine.store.jobs.load_all() == []

    asyncio.run(main())


# Ports


@pytest.mark.parametrize("section", ["overlay", "dht"])
def test_a_mesh_port_in_use_stops_the_start_with_its_number(tmp_path: Path, album: Album, section: str) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world:
            holder, port = taken("127.4.0.9", socket.SOCK_STREAM if section == "overlay" else socket.SOCK_DGRAM)
            with holder:
                listen = f"127.4.0.9:{port}"
                with pytest.raises(UserError) as caught:
                    await world.engine(**{"dht": {"enabled": True}, section: {"enabled": True, "listen": listen}})
                assert caught.value.exit_code == EXIT["port"][0] == 12
                assert str(port) in caught.value.message and f"{section}.listen" in caught.value.hint
            engine = await world.engine()
            await engine.stop()

    asyncio.run(main())


def test_a_soulseek_port_in_use_is_a_state_with_words_and_mends_itself(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("mono_lith")
            holder, port = taken("127.4.0.9")
            with holder:
                engine = await world.engine(soulseek={"listen_address": "127.4.0.9", "listen_port": port})
                job = await world.create(engine)
                await until(lambda: f"127.4.0.9:{port}" in job.record.error, "the job says why it waits", job)
                assert "soulseek.listen_port" in job.record.error
            engine.soulseek.reconnect()
            await completed(job)
            assert world.music() == world.truth

    asyncio.run(main())
