"""Nicotine+ 3.3, headless, against this program over the lab's server: both directions, bit for bit."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import importlib.util
import json
import os
import random
import shutil
import signal
import socket
import sys
from pathlib import Path

import pytest

from slskdn_tui.config.settings import Soulseek
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.manners import Manners
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.lab.soulseek_server import LabServer
from slskdn_tui.model.ports import OriginEnd, OriginState

pytestmark = pytest.mark.interop

if importlib.util.find_spec("pynicotine") is None:
    pytest.skip("Nicotine+ is not installed (pip install --no-deps nicotine-plus)", allow_module_level=True)

PLUGIN = '''
import json
import os

from pynicotine.events import events
from pynicotine.pluginsystem import BasePlugin


class Plugin(BasePlugin):
    """Reads JSON lines from commands.jsonl in the data folder; writes what finished to finished.jsonl."""

    def loaded_notification(self):
        self.folder = os.environ["LAB_FOLDER"]
        self.done = 0
        events.schedule(delay=0.2, callback=self.poll, repeat=True)

    def poll(self):
        try:
            with open(os.path.join(self.folder, "commands.jsonl"), encoding="utf-8") as handle:
                lines = handle.readlines()
        except FileNotFoundError:
            return
        for line in lines[self.done:]:
            command = json.loads(line)
            if command["do"] == "download":
                self.core.downloads.enqueue_download(command["user"], command["path"], size=command["size"])
        self.done = len(lines)

    def tell(self, **what):
        with open(os.path.join(self.folder, "finished.jsonl"), "a", encoding="utf-8") as handle:
            handle.write(json.dumps(what) + "\\n")

    def download_finished_notification(self, user, virtual_path, real_path):
        self.tell(what="download", user=user, path=virtual_path, real=real_path)

    def upload_finished_notification(self, user, virtual_path, real_path):
        self.tell(what="upload", user=user, path=virtual_path, real=real_path)
'''

SIZE = 5 * 1024 * 1024 + 321


def free_port(address: str) -> int:
    with socket.socket() as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Sink:
    def __init__(self, start: int = 0, enough_at: int | None = None) -> None:
        self.at, self.enough_at = start, enough_at
        self.data = bytearray()
        self.states: list[OriginState] = []

    def start(self, size: int) -> int:
        return self.at

    async def write(self, data: bytes) -> bool:
        self.data += data
        return self.enough_at is None or len(self.data) < self.enough_at

    def status(self, state: OriginState, place: int | None = None, detail: str = "") -> None:
        self.states.append(state)


class Nicotine:
    """One headless Nicotine+ on 127.1.8.1 with a fresh profile."""

    def __init__(self, folder: Path, server_port: int) -> None:
        self.folder = folder
        self.shared = folder / "shared"
        self.downloads = folder / "downloads"
        plugin = folder / "data" / "plugins" / "labctl"
        for each in (self.shared, self.downloads, plugin):
            each.mkdir(parents=True)
        (plugin / "__init__.py").write_text(PLUGIN)
        (plugin / "PLUGININFO").write_text('Version = "1"\nAuthors = ["lab"]\nName = "labctl"\nDescription = "lab"\n')
        port = free_port("127.1.8.1")
        (folder / "config").write_text(
            "[server]\n"
            f"server = ('127.1.0.1', {server_port})\nlogin = nico\npassw = secret\nportrange = ({port}, {port})\nupnp = False\nauto_connect_startup = True\n"
            "[transfers]\n"
            f"shared = [('Music', '{self.shared}')]\ndownloaddir = {self.downloads}\nincompletedir = {folder / 'incomplete'}\n"
            "uploadslots = 2\nuseupslots = True\nrescanonstartup = True\n"
            "[plugins]\nenable = True\nenabled = ['labctl']\n"
        )
        self.process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        script = shutil.which("nicotine", path=str(Path(sys.executable).parent)) or "nicotine"
        args = ("--headless", "--isolated", "-c", str(self.folder / "config"), "-u", str(self.folder / "data"), "-b", "127.1.8.1")
        env = os.environ | {"LAB_FOLDER": str(self.folder), "HOME": str(self.folder)}
        with open(self.folder / "log", "wb") as log:
            self.process = await asyncio.create_subprocess_exec(sys.executable, script, *args, env=env, stdout=log, stderr=log)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(self.process.wait(), 10)
            except TimeoutError:
                self.process.kill()
                await self.process.wait()

    def download(self, user: str, path: str, size: int) -> None:
        with open(self.folder / "commands.jsonl", "a", encoding="utf-8") as handle:
            handle.write(json.dumps({"do": "download", "user": user, "path": path, "size": size}) + "\n")

    async def finished(self, what: str) -> dict[str, str]:
        while True:
            with contextlib.suppress(OSError, ValueError):
                for line in (self.folder / "finished.jsonl").read_text("utf-8").splitlines():
                    if (found := json.loads(line))["what"] == what:
                        return found
            await asyncio.sleep(0.1)


def run(tmp: Path, shared_by_nicotine: dict[str, bytes], shared_by_us: dict[str, bytes], story) -> None:
    async def main() -> None:
        async with asyncio.timeout(120):
            server = LabServer()
            await server.start("127.1.0.1")
            peer = Nicotine(tmp / "nicotine", server.port)
            ours = tmp / "ours" / "Music"
            for root, files in ((peer.shared, shared_by_nicotine), (ours, shared_by_us)):
                for name, data in files.items():
                    (root / name).parent.mkdir(parents=True, exist_ok=True)
                    (root / name).write_bytes(data)
            clock = SystemClock()
            supervisor = Supervisor(clock)
            plane = SoulseekPlane(
                Soulseek(
                    server=f"127.1.0.1:{server.port}",
                    username="slskdn",
                    listen_address="127.1.2.1",
                    listen_port=free_port("127.1.2.1"),
                    share=[str(ours)] if shared_by_us else [],
                    search_gap_s=0.0,
                ),
                password="secret",
                share_db=tmp / "profile" / "shares.db",
                clock=clock,
                supervisor=supervisor,
                rng=random.Random(1),
                on_event=lambda *event: None,
                on_bytes=lambda *count: None,
                manners=Manners(place_first=0.5, place_every=2.0),
            )
            await plane.start()
            await peer.start()
            try:
                await plane.wait_online()
                await plane.rescan_shares()
                await server.until(lambda: "nico" in server.members)
                if shared_by_nicotine:
                    await server.until(lambda: server._stats_of("nico").shared_file_count == len(shared_by_nicotine))
                await story(server, plane, peer)
            finally:
                await peer.stop()
                await plane.stop()
                await supervisor.stop()
                await server.stop()

    asyncio.run(main())


def test_a_file_of_a_nicotine_user_is_found_cut_resumed_and_right(tmp_path) -> None:
    data = random.Random(3).randbytes(SIZE)

    async def story(server: LabServer, plane: SoulseekPlane, peer: Nicotine) -> None:
        replies = await plane.search("lab album tune", wait_s=3.0)
        assert [reply.username for reply in replies] == ["nico"]
        found = replies[0].files[0]
        assert found.size == SIZE and replies[0].free_slot
        head = Sink(enough_at=1_000_000)
        end, _ = await plane.origin(found).fetch(head)
        assert end == OriginEnd.ENOUGH and OriginState.ACTIVE in head.states
        rest = Sink(start=len(head.data))
        end, words = await plane.origin(found).fetch(rest)
        assert end == OriginEnd.COMPLETE, words
        assert sha(bytes(head.data + rest.data)) == sha(data)
        assert (await peer.finished("upload"))["user"] == "slskdn"
        end, words = await plane.origin(type(found)("nico", found.path + ".not", 5, "flac")).fetch(Sink())
        assert end == OriginEnd.DENIED and "File not shared." in words

    run(tmp_path, {"Lab Album/01 tune.flac": data}, {}, story)


def test_a_nicotine_user_downloads_from_us(tmp_path) -> None:
    data = random.Random(4).randbytes(SIZE)

    async def story(server: LabServer, plane: SoulseekPlane, peer: Nicotine) -> None:
        assert plane.shared == (1, 1)
        path = plane._reader.query("our tune")[0].remote
        peer.download("slskdn", path, SIZE)
        done = await peer.finished("download")
        assert done["user"] == "slskdn" and done["path"] == path
        assert sha(Path(done["real"]).read_bytes()) == sha(data)
        while not any(each.state == "done" for each in plane.uploads()):
            await asyncio.sleep(0.05)
        upload = next(each for each in plane.uploads() if each.state == "done")
        assert (upload.username, upload.sent, upload.size) == ("nico", SIZE, SIZE)
        await server.until(lambda: server.count("SendUploadSpeed", "slskdn") == 1)

    run(tmp_path, {}, {"Our Album/01 our tune.flac": data}, story)
