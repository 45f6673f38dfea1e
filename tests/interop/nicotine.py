"""Headless Nicotine+ as a test's peer: a process of its own, driven through a plugin that reads commands and writes what it sees."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fakes.ports import free_port

PLUGIN = '''
import json
import os

from pynicotine.events import events
from pynicotine.pluginsystem import BasePlugin


def row(transfer):
    return {
        "user": transfer.username, "path": transfer.virtual_path, "status": transfer.status, "size": transfer.size,
        "at": transfer.current_byte_offset or 0, "first": transfer.last_byte_offset or 0, "place": transfer.queue_position,
    }


class Plugin(BasePlugin):
    """Reads JSON lines from commands.jsonl in the data folder; appends what happened to told.jsonl and keeps state.json current."""

    def loaded_notification(self):
        self.folder = os.environ["LAB_FOLDER"]
        self.done = 0
        self.seen = {}
        events.connect("file-search-response", self.found)
        events.schedule(delay=0.2, callback=self.poll, repeat=True)

    def poll(self):
        self.save_state()
        try:
            with open(os.path.join(self.folder, "commands.jsonl"), encoding="utf-8") as handle:
                lines = handle.readlines()
        except FileNotFoundError:
            return
        for line in lines[self.done:]:
            command = json.loads(line)
            getattr(self, "do_" + command.pop("do"))(**command)
        self.done = len(lines)

    def do_download(self, user, path, size):
        self.core.downloads.enqueue_download(user, path, size=size)

    def do_search(self, query):
        self.core.search.do_search(query, "global")

    def do_browse(self, user):
        self.core.userbrowse.browse_user(user, new_request=True)

    def do_message(self, user, text):
        self.core.privatechat.send_message(user, text)

    def save_state(self):
        browsed = {
            user: {folder: [entry[1] for entry in files] for folder, files in found.public_folders.items()}
            for user, found in self.core.userbrowse.users.items()
        }
        state = {
            "downloads": [row(each) for each in self.core.downloads.transfers.values()],
            "uploads": [row(each) for each in self.core.uploads.transfers.values()],
            "browsed": browsed,
        }
        for each in state["uploads"]:  # a first offset is kept only while it moves
            key = (each["user"], each["path"])
            if each["first"]:
                self.seen.setdefault(key, []).append(each["first"])
        state["firsts"] = [[user, path, firsts[-1]] for (user, path), firsts in self.seen.items()]
        path = os.path.join(self.folder, "state.json")
        with open(path + ".new", "w", encoding="utf-8") as handle:
            json.dump(state, handle)
        os.replace(path + ".new", path)

    def found(self, msg):
        files = [{"path": entry[1], "size": entry[2], "attributes": str(entry[4])} for entry in (msg.list or [])]
        self.tell(what="found", user=msg.search_username or msg.username, files=files)

    def tell(self, **what):
        with open(os.path.join(self.folder, "told.jsonl"), "a", encoding="utf-8") as handle:
            handle.write(json.dumps(what) + "\\n")

    def incoming_private_chat_notification(self, user, line):
        self.tell(what="message", user=user, text=line)

    def download_finished_notification(self, user, virtual_path, real_path):
        self.tell(what="download", user=user, path=virtual_path, real=real_path)

    def upload_started_notification(self, user, virtual_path, real_path):
        self.tell(what="upload_started", user=user, path=virtual_path, real=real_path)

    def upload_finished_notification(self, user, virtual_path, real_path):
        self.tell(what="upload", user=user, path=virtual_path, real=real_path)
'''


class Nicotine:
    """One headless Nicotine+ with a fresh profile. `upload_kib_s` 0: no limit of its uploads."""

    def __init__(self, folder: Path, server: str, name: str, address: str, *, slots: int = 2, upload_kib_s: int = 0) -> None:
        self.folder = folder
        self.name = name
        self.address = address
        self.shared = folder / "shared"
        self.downloads = folder / "downloads"
        plugin = folder / "data" / "plugins" / "labctl"
        for each in (self.shared, self.downloads, plugin):
            each.mkdir(parents=True)
        (plugin / "__init__.py").write_text(PLUGIN)
        (plugin / "PLUGININFO").write_text('Version = "1"\nAuthors = ["lab"]\nName = "labctl"\nDescription = "lab"\n')
        host, _, port = server.rpartition(":")
        listen = free_port(address)
        limit = f"use_upload_speed_limit = primary\nuploadlimit = {upload_kib_s}\n" if upload_kib_s else ""
        (folder / "config").write_text(
            "[server]\n"
            f"server = ('{host}', {port})\nlogin = {name}\npassw = secret\nportrange = ({listen}, {listen})\n"
            "upnp = False\nauto_connect_startup = True\n"
            "[transfers]\n"
            f"shared = [('Music', '{self.shared}')]\ndownloaddir = {self.downloads}\nincompletedir = {folder / 'incomplete'}\n"
            f"uploadslots = {slots}\nuseupslots = True\nrescanonstartup = True\n{limit}"
            "[plugins]\nenable = True\nenabled = ['labctl']\n"
        )
        self.process: asyncio.subprocess.Process | None = None

    def share(self, name: str, data: bytes) -> None:
        path = self.shared / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    async def start(self) -> None:
        script = shutil.which("nicotine", path=str(Path(sys.executable).parent)) or "nicotine"
        args = ("--headless", "--isolated", "-c", str(self.folder / "config"), "-u", str(self.folder / "data"), "-b", self.address)
        env = os.environ | {"LAB_FOLDER": str(self.folder), "HOME": str(self.folder)}
        with open(self.folder / "log", "wb") as log:
            self.process = await asyncio.create_subprocess_exec(sys.executable, script, *args, env=env, stdout=log, stderr=log)

    async def stop(self) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.send_signal(signal.SIGINT)
            try:
                await asyncio.wait_for(self.process.wait(), 10)  # then it is killed
            except TimeoutError:
                self.process.kill()
                await self.process.wait()

    def do(self, **command: Any) -> None:
        """One command for the plugin: `download`, `search`, `browse`, `message`."""
        with open(self.folder / "commands.jsonl", "a", encoding="utf-8") as handle:
            handle.write(json.dumps(command) + "\n")

    def told(self, what: str) -> list[dict[str, Any]]:
        try:
            lines = (self.folder / "told.jsonl").read_text("utf-8").splitlines()
        except OSError:
            return []
        out = []
        for line in lines:
            with contextlib.suppress(ValueError):
                out.append(json.loads(line))
        return [each for each in out if each["what"] == what]

    @property
    def state(self) -> dict[str, Any]:
        """What it holds now; empty before its plugin runs."""
        try:
            return dict(json.loads((self.folder / "state.json").read_text("utf-8")))
        except (OSError, ValueError):
            return {}

    async def until(self, condition: Callable[[], Any]) -> Any:
        """The first true value of the condition; the test's own timeout ends a wait in vain."""
        while not (found := condition()):
            await asyncio.sleep(0.1)
        return found
