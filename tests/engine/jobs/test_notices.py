"""Hooks and webhooks: once an album and state, with the facts, bounded in time, and never to a private address that is not permitted."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from engine_world import Album, World, act, completed, until
from files_world import put_more

from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.jobs.notices import notices, notify
from slskdn_tui.engine.jobs.notices.notify import NotTold, post, run_command
from slskdn_tui.engine.peers.addresses import AddressPolicy
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.events import EventBus
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.store.records import JobRecord
from slskdn_tui.model.music import Release
from slskdn_tui.model.text import SafeText

pytestmark = pytest.mark.usefixtures("quick")
HOOK = """
import json, os, sys
facts = {name: value for name, value in os.environ.items() if name.startswith("SLSKDN_")}
with open(sys.argv[1], "a") as out:
    out.write(json.dumps([facts, sys.argv[2:]]) + "\\n")
print("hello \\x1b[2J from the hook")
"""


class Hookbin:
    """A web server that notes each request and answers as it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[str] = []
        self.connections = 0

    async def __aenter__(self) -> Hookbin:
        self.server = await asyncio.start_server(self._serve, "127.4.0.9", 0)
        self.port = self.server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self.server.close()

    @property
    def url(self) -> str:
        return f"http://127.4.0.9:{self.port}/hook?a=b"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next(int(line.split(":")[1]) for line in head.split("\r\n") if line.lower().startswith("content-length"))
        self.requests.append((head, json.loads(await reader.readexactly(length))))
        answer = self.answers.pop(0) if self.answers else "200 OK"
        writer.write(f"HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n".encode())
        await writer.drain()
        writer.close()


def hook(folder: Path) -> tuple[str, Path]:
    """(the command, the file it writes a line a run to)."""
    script = folder / "hook me.py"
    script.write_text(HOOK)
    return f"{sys.executable} '{script}' '{folder / 'runs'}'", folder / "runs"


def runs(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def test_a_command_runs_once_an_album_with_its_facts_and_the_folder_as_last_argument(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        monkeypatch.setenv("SLSKDN_SOULSEEK__PASSWORD", "secret")
        command, path = hook(tmp_path)
        async with World(tmp_path, album) as world:
            mono = await world.holder("mono_lith")
            await put_more(world, mono, {"Plone - For Beginner Piano/cover.jpg": b"x" * 99})
            engine = await world.engine(notices={"command": command, "states": ["completed", "paused"]})
            mono.hold(0)
            job = await world.create(engine)
            for _ in range(2):
                await act(engine, "pause", job)
                await until(lambda: "paused" in job.record.details.get("notices_told", ""), "the pause is told", job)
                await act(engine, "resume", job)
            mono.let_go()
            await completed(job)
            await until(lambda: job.record.details.get("notices_told") == "paused completed", "both states are told", job)
            assert [facts["SLSKDN_STATE"] for facts, _ in runs(path)] == ["paused", "completed"]
            facts, arguments = runs(path)[1]
            folder = str(tmp_path / "me" / "music" / "Plone" / "For Beginner Piano (1999)")
            assert arguments == [folder]
            assert {name: facts[f"SLSKDN_{name}"] for name in ("EVENT", "JOB_ID", "ARTIST", "ALBUM", "FOLDER", "TRACKS_DONE", "TRACKS_TOTAL")} == {
                "EVENT": "job.completed", "JOB_ID": job.job_id, "ARTIST": "Plone", "ALBUM": "For Beginner Piano", "FOLDER": folder,
                "TRACKS_DONE": "2", "TRACKS_TOTAL": "2",
            }  # fmt: skip
            assert not any("__" in name for name in facts)
            (_, said) = world.said("me", "notice.command")
            assert "hello" in said and "\x1b" not in said
            await engine.stop()
            again = await world.engine(notices={"command": command, "states": ["completed", "paused"]})
            record = again.runner.find(job.job_id).record
            assert (record.state, record.details["notices_pending"], len(runs(path))) == ("completed", "", 2)

    asyncio.run(main())


def test_a_notice_that_a_crash_cut_off_is_told_at_the_next_start(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        command, path = hook(tmp_path)
        hangs = tmp_path / "hangs.py"
        hangs.write_text("import time\ntime.sleep(1000)\n")
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("mono_lith")
            engine = await world.engine(notices={"command": f"{sys.executable} {hangs}"})
            job = await world.create(engine)
            await completed(job)
            assert job.record.details["notices_pending"] == "completed"
            await engine.stop()
            again = await world.engine(notices={"command": command})
            await until(lambda: len(runs(path)) == 1, "the notice was made up for")
            await until(lambda: again.runner.find(job.job_id).record.details.get("notices_told") == "completed", "it is noted")

    asyncio.run(main())


def test_a_command_that_hangs_is_killed_with_its_children_and_holds_up_no_job(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[asyncio.Timeout] = []

    def timeout(seconds: float) -> asyncio.Timeout:
        assert seconds == 2.0
        waits.append(asyncio.timeout(None))
        return waits[0]

    # Its time is up when it has told both process ids: a busy machine may need longer to start two of them.
    monkeypatch.setattr(notify, "asyncio", SimpleNamespace(**{**vars(asyncio), "timeout": timeout}))

    async def main() -> None:
        pids = tmp_path / "pids"
        hangs = tmp_path / "hangs.py"
        hangs.write_text(
            "import os, subprocess, sys, time\n"
            "child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(1000)'])\n"
            f"open({str(pids)!r} + '.new', 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
            f"os.replace({str(pids)!r} + '.new', {str(pids)!r})\n"
            "time.sleep(1000)\n"
        )
        async with World(tmp_path, album, tracks=1) as world:
            await world.holder("mono_lith")
            engine = await world.engine(notices={"command": f"{sys.executable} {hangs}", "timeout_s": 2.0})
            job = await world.create(engine)
            await completed(job)
            await until(pids.exists, "the hook and its child run", job)
            waits[0].reschedule(asyncio.get_running_loop().time())
            await until(lambda: world.said("me", "notice.failed"), "the hook was given up", job)
            assert "did not end within 2 s and was killed" in world.said("me", "notice.failed")[0]
            told = [int(pid) for pid in pids.read_text().split()]
            await until(lambda: len(told) == 2 and not any(map(running, told)), "both processes are gone")

    asyncio.run(main())


def running(pid: int) -> bool:
    """Whether a process lives; one that nobody has waited for yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_a_state_that_is_being_told_is_not_told_a_second_time(tmp_path: Path) -> None:
    async def main() -> None:
        command, path = hook(tmp_path)
        clock, record = (
            SystemClock(),
            JobRecord(
                "0f4de638",
                "mb_release",
                Release("", "", SafeText("A"), SafeText("B"), "", "", "", "", SafeText(""), (), 1, ()),
                folder=str(tmp_path),
                details={"notices_pending": "completed"},
            ),
        )
        supervisor = Supervisor(clock)
        made = notices.Notices(Settings.model_validate({"notices": {"command": command}}), clock, supervisor, EventBus(clock))
        stored = asyncio.Event()

        async def save() -> None:
            stored.set()

        for _ in range(3):
            made.send(record, save)
        async with asyncio.timeout(240):
            await stored.wait()
            while supervisor.parts:
                await asyncio.sleep(0.01)
        assert len(runs(path)) == 1 and record.details == {"notices_pending": "", "notices_told": "completed"}

    asyncio.run(main())


def test_a_command_that_cannot_run_or_fails_says_so(tmp_path: Path) -> None:
    async def said(command: str) -> str:
        with pytest.raises(NotTold) as caught:
            await run_command(command, {"state": "completed"}, str(tmp_path), 30.0)
        return str(caught.value)

    assert "cannot be run: No such file" in asyncio.run(said("/nonexistent/hook"))
    long = f"{sys.executable} -c \"print('x' * 10_000_000); raise SystemExit(3)\""
    words = asyncio.run(said(long))
    assert "ended with code 3: xxx" in words and len(words) < 600


def test_a_webhook_gets_one_post_an_album(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album) as world, Hookbin() as server:
            await world.holder("mono_lith")
            engine = await world.engine(notices={"webhook": server.url})
            job = await world.create(engine)
            await completed(job)
            await until(lambda: job.record.details.get("notices_told"), "it was told", job)
            ((head, body),) = server.requests
            assert head.startswith("POST /hook?a=b HTTP/1.1\r\n") and f"Host: 127.4.0.9:{server.port}" in head
            assert (body["id"], body["state"], body["album"]) == (f"{job.job_id}:completed", "completed", "For Beginner Piano")
            assert (body["tracks_done"], body["tracks_total"], body["event"]) == (2, 2, "job.completed")
            assert (await act(engine, "rerun", job)).ok  # nothing is missing: it completes again, and that is told again
            await until(lambda: len(server.requests) == 2, "the second completion was told", job)

    asyncio.run(main())


def test_a_private_address_that_is_not_permitted_gets_nothing_and_the_log_says_why(tmp_path: Path, album: Album) -> None:
    async def main() -> None:
        async with World(tmp_path, album, tracks=1) as world, Hookbin() as server:
            await world.holder("mono_lith")
            engine = await world.engine(notices={"webhook": server.url}, network={"permit": ["10.0.0.0/8"]}, overlay={"enabled": False})
            job = await world.create(engine)
            await completed(job)
            await until(lambda: world.said("me", "notice.failed"), "the refusal is told", job)
            assert server.connections == 0
            assert "127.4.0.9, a private address that network.permit does not cover" in world.said("me", "notice.failed")[0]

    asyncio.run(main())


@pytest.mark.parametrize(
    "url",
    ["http://169.254.169.254/latest/meta-data", "http://[::1]:80/", "http://localhost/", "http://[::ffff:10.0.0.1]/", "http://0.0.0.0/"],
)
def test_no_address_of_this_machine_or_its_networks_is_reached_by_default(url: str) -> None:
    with pytest.raises(NotTold, match="private address") as caught:
        asyncio.run(post(url, {}, AddressPolicy(), 10.0))
    assert not caught.value.again


def test_a_server_in_trouble_is_asked_again_twice_and_a_redirect_is_not_followed(
    tmp_path: Path, album: Album, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def main() -> None:
        monkeypatch.setattr(notices, "RETRY_S", (0.01, 0.01))
        async with World(tmp_path, album, tracks=1) as world, Hookbin() as server:
            await world.holder("mono_lith")
            engine = await world.engine(notices={"webhook": server.url, "states": ["completed"]})
            server.answers = ["503 Busy", "500 Oh", "200 OK", f"307 Moved\r\nLocation: {server.url}", "502 a", "502 b", "502 c"]
            job = await world.create(engine)
            for count in (3, 4, 7):
                await until(
                    lambda count=count: len(server.requests) >= count and job.record.details.get("notices_told"), f"{count} requests", job
                )
                assert len(server.requests) == count
                await act(engine, "rerun", job)
            failed = world.said("me", "notice.failed")
            assert any("redirect (307), which is not followed" in text for text in failed) and "answered 502" in failed[-1]
            assert os.path.exists(job.tracks[0].record.placed)

    asyncio.run(main())
