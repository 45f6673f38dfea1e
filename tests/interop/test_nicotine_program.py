"""Nicotine+ 3.3, headless, against the whole program as a user runs it: `slskdn serve` and the command line beside it."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import json
import random
import signal
import sys
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from slskdn_tui.config import safe_yaml
from slskdn_tui.config.paths import Paths
from slskdn_tui.lab.children import Child, Children
from slskdn_tui.lab.soulseek_server import LabServer
from slskdn_tui.model.finding import make_ref
from tests.fakes.ports import free_port
from tests.interop.nicotine import Nicotine

pytestmark = [pytest.mark.interop, pytest.mark.slow]

if importlib.util.find_spec("pynicotine") is None:
    pytest.skip("Nicotine+ is not installed (pip install --no-deps nicotine-plus)", allow_module_level=True)


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Lab:
    """The lab's server, one Nicotine+ peer, and a profile that `slskdn serve` runs on."""

    def __init__(self, tmp: Path, stack: AsyncExitStack, server: LabServer) -> None:
        self.stack = stack
        self.server = server
        self.peer = Nicotine(tmp / "nico", f"127.1.0.1:{server.port}", "nico", "127.1.8.1", upload_kib_s=1000)
        self.paths = Paths.of(tmp / "profile")
        self.music = tmp / "music"
        self.shared = tmp / "shared"
        self.shared.mkdir()
        self.children = Children(tmp / "logs")
        stack.push_async_callback(self.children.stop)
        self.paths.ensure()
        values: dict[str, Any] = {
            "soulseek": {
                "server": f"127.1.0.1:{server.port}", "username": "slskdn", "password": "secret", "listen_address": "127.1.2.1",
                "listen_port": free_port("127.1.2.1"), "share": [str(self.shared)], "search_gap_s": 0.0, "reconnect_s": 0.2,
                "search_results": 1,
            },
            "downloads": {"folder": str(self.music), "free_space_mib": 1},
            "overlay": {"enabled": False},
            "dht": {"enabled": False},
        }  # fmt: skip
        self.paths.config_file.write_text(safe_yaml.dump(values), encoding="utf-8")
        self.paths.config_file.chmod(0o600)

    async def meet(self) -> Child:
        """Both are online, and Nicotine+ has told what it shares."""
        await self.peer.start()
        self.stack.push_async_callback(self.peer.stop)
        child = await self.serve()
        count = sum(path.is_file() for path in self.peer.shared.rglob("*"))
        await self.server.until(lambda: "nico" in self.server.members and self.server._stats_of("nico").shared_file_count == count)
        self.server.members["nico"].address = self.peer.address
        return child

    async def serve(self) -> Child:
        child = await self.children.start("serve", "slskdn_tui", "--profile", str(self.paths.profile), "serve")
        while (await self.run("status", "--json"))[1].get("soulseek") != "online":
            assert child.running, child.words()
            await asyncio.sleep(0.2)
        return child

    async def run(self, *words: str) -> tuple[int, Any]:
        """`slskdn WORDS`: its exit code, and its JSON (or its text)."""
        args = ("-m", "slskdn_tui", "--profile", str(self.paths.profile), *words)
        process = await asyncio.create_subprocess_exec(
            sys.executable, *args, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        text = out.decode()
        try:
            return process.returncode, json.loads(text)
        except ValueError:
            return process.returncode, text + err.decode()

    def placed(self) -> dict[str, str]:
        return {path.name: sha(path.read_bytes()) for path in self.music.rglob("*") if path.is_file()}


def run(tmp: Path, story: Callable[[Lab], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(600), AsyncExitStack() as stack:
            server = LabServer()
            await server.start("127.1.0.1")
            stack.push_async_callback(server.stop)
            await story(Lab(tmp, stack, server))

    asyncio.run(main())


def test_after_kill_9_a_download_goes_on_at_its_offset_and_ends_right(tmp_path) -> None:
    data = random.Random(1).randbytes(14_000_000)

    async def story(lab: Lab) -> None:
        lab.peer.share("Big/big tune.bin", data)
        child = await lab.meet()
        code, found = await lab.run("search", "big", "tune", "--wait", "60", "--json")
        assert code == 0, found
        ref = next(row["ref"] for row in found["rows"] if row["level"] == 1)
        code, said = await lab.run("get", ref)
        assert code == 0, said
        await lab.peer.until(lambda: any(row["at"] > 4_000_000 for row in lab.peer.state.get("uploads", [])))
        child.process.send_signal(signal.SIGKILL)
        await child.process.wait()
        lab.children.all.remove(child)
        await lab.serve()
        while (await lab.run("jobs", "--json"))[1][0]["state"] != "completed":
            await asyncio.sleep(0.3)
        assert lab.placed()["big tune.bin"] == sha(data)
        firsts = [first for user, path, first in lab.peer.state["firsts"] if path.endswith("big tune.bin")]
        assert firsts and firsts[-1] > 1_000_000, "it did not begin from zero"

    run(tmp_path, story)


def test_a_folder_is_got_whole_and_get_tells_by_its_exit_code(tmp_path) -> None:
    files = {"01 a.bin": random.Random(2).randbytes(300_000), "02 b.bin": random.Random(3).randbytes(400_001)}

    async def story(lab: Lab) -> None:
        for name, data in files.items():
            lab.peer.share(f"An Album/{name}", data)
        await lab.meet()
        code, said = await lab.run("get", make_ref("nico", "Music\\An Album", folder=True), "--wait")
        assert code == 0, said
        assert lab.placed() == {name: sha(data) for name, data in files.items()}
        code, said = await lab.run("get", make_ref("nico", "Music\\No Album", folder=True), "--wait")
        assert code != 0 and "nico" in said

    run(tmp_path, story)


def test_messages_go_both_ways_and_users_and_their_files_are_shown(tmp_path) -> None:
    async def story(lab: Lab) -> None:
        lab.peer.share("An Album/01 a.bin", b"x" * 1000)
        await lab.meet()
        code, said = await lab.run("message", "send", "nico", "hello", "there")
        assert code == 0, said
        told = (await lab.peer.until(lambda: lab.peer.told("message")))[0]
        assert (told["user"], told["text"]) == ("slskdn", "hello there")
        lab.peer.do(do="message", user="slskdn", text="hello yourself")
        while not any(row["text"] == "hello yourself" for row in (await lab.run("message", "list", "nico", "--json"))[1]):
            await asyncio.sleep(0.2)
        assert (await lab.run("status", "--json"))[1]["unread"] == 1
        await lab.run("message", "read", "nico")
        assert (await lab.run("status", "--json"))[1]["unread"] == 0
        code, shown = await lab.run("user", "nico", "--json")
        assert code == 0 and shown["status"] == "online" and shown["files"] == 1 and shown["slots"] == 2
        code, listed = await lab.run("browse", "nico", "--json")
        assert code == 0 and [row["title"] for row in listed["rows"]] == ["Music", "Music/An Album"]
        code, inside = await lab.run("browse", "nico", "Music\\An Album", "--json")
        assert code == 0 and [(row["title"], row["size"]) for row in inside["rows"]] == [("01 a.bin", 1000)]

    run(tmp_path, story)
