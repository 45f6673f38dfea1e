"""The demo's world: real parts in child processes on addresses of its own, nothing outside 127.0.0.0/8. Shell.

A lab Soulseek server, a MusicBrainz stub, three sharing Soulseek users and four mesh nodes (this very program, each with its profile), and
the node that downloads. One user stalls midway; one mesh node's file was changed after it was hashed, so it serves wrong bytes;
one user and one node hold a copy with other tags, of which the node's gives its audio.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import shutil
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from slskdn_tui.config import safe_yaml
from slskdn_tui.config.paths import Paths
from slskdn_tui.lab.children import COMES_UP_S, Child, Children
from slskdn_tui.lab.data import DEMO_RELEASE
from slskdn_tui.model.variant import LEAF
from slskdn_tui.seam import EngineProtocol

SECONDS = 20
"""Length of a synthesised track."""
BLOCK = 16
OVERLAY_PORT, DHT_PORT = 20400, 20401
"""Below those the kernel gives to outgoing connections, which other programs of this host may make from any 127.x address."""
STALL_AFTER = 700_000
PACE = 1_000_000
"""Bytes a second of the first user: slow enough to be watched, fast enough for a test."""
NODE_PACE = 150_000
"""Bytes a second of each mesh node, for the same reason."""
SHORT = {"queued_s": 20.0, "slow_bytes_s": 10240.0, "slow_s": 20.0, "no_bytes_s": 3.0, "origin_share": 0.1}
"""The rescue thresholds of the demo; the roadmap's are 1800 s, 10 KB/s for 300 s, 120 s."""
USERS = ("mono_lith", "dj_kode", "bluenote59")
NODES = ("honest-1", "honest-2", "liar", "retagged")
Connect = Callable[[Paths], Awaitable[EngineProtocol]]


@dataclass(frozen=True, slots=True)
class Options:
    overlay: bool = True
    honest: bool = False
    seconds: int = SECONDS
    rate: int = 0
    """Bytes a second of the whole download, 0 for no limit (the crash tests slow it down)."""


@dataclass(slots=True)
class World:
    """A started world. `profile` is the downloading node's, `album` the folder with the true files."""

    root: Path
    options: Options
    children: Children
    base: int
    lock: socket.socket
    nodes: dict[str, Paths] = field(default_factory=dict)

    @property
    def album(self) -> Path:
        return self.root / "album"

    @property
    def profile(self) -> Paths:
        return Paths.of(self.root / "downloader")

    @property
    def downloads(self) -> Path:
        return self.root / "downloads"

    @property
    def stats(self) -> Path:
        return self.root / "stats"

    @property
    def reference(self) -> str:
        return f"https://musicbrainz.org/release/{DEMO_RELEASE}"

    def address(self, number: int) -> str:
        return f"127.1.{self.base + number}.1"

    def true_files(self) -> dict[str, Path]:
        """sha256 -> file, of the album as it should arrive."""
        return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in sorted(self.album.rglob("*.flac"))}

    async def start_downloader(self, say: Callable[[str], None] = lambda line: None) -> Child:
        """Start (or start again) the node under test; ready when its socket answers."""
        say("starting the node that downloads")
        child = await self.children.start("downloader", "slskdn_tui", "--profile", str(self.root / "downloader"), "serve")
        await self.children.until("the downloading node's socket", self.profile.socket.exists)
        return child

    async def stop(self) -> None:
        await self.children.stop()
        self.lock.close()


def _claim() -> tuple[int, socket.socket]:
    """A block of sixteen /24s that no other world uses: held by a bound socket."""
    for base in range(os.getpid() % 12 * BLOCK, 12 * BLOCK + os.getpid() % 12 * BLOCK, BLOCK):
        holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            holder.bind((f"127.1.{base % (12 * BLOCK)}.1", 2240))
            holder.listen(1)
            return base % (12 * BLOCK), holder
        except OSError:
            holder.close()
    raise RuntimeError("twelve demos run already; stop one")


async def build(root: Path, options: Options, connect: Connect, say: Callable[[str], None]) -> World:
    """Make and start everything but the downloading node. RuntimeError names what did not come up."""
    base, lock = _claim()
    world = World(root, options, Children(root / "logs"), base, lock)
    try:
        world.stats.mkdir(parents=True, exist_ok=True)
        say(f"building a world of its own on 127.1.{base}.1 and up; it takes half a minute, more where the machine is busy")
        say("making an album of ten tracks, and a copy of it with other tags")
        await world.children.run(
            "album", "slskdn_tui.lab.album", str(world.album), "--seconds", str(options.seconds), "--retagged", str(root / "retagged")
        )
        say("starting a Soulseek server and a MusicBrainz stub")
        await _start_services(world)
        say(f"starting three users who share it: {', '.join(USERS)}")
        await _start_users(world)
        say(f"starting four mesh nodes, which hash what they share: {', '.join(NODES)}")
        await _start_nodes(world, connect, say)
        _write_profile(world, "downloader", 1, share=None)
        return world
    except BaseException:
        await world.stop()
        raise


async def _start_services(world: World) -> None:
    server, stub = world.address(2), world.address(3)
    await world.children.start(
        "soulseek-server", "slskdn_tui.lab.soulseek_server", "--listen", f"{server}:2242", "--stats", str(world.stats / "server.json")
    )
    await world.children.start(
        "musicbrainz",
        "slskdn_tui.lab.musicbrainz_stub",
        "--listen",
        f"{stub}:5000",
        "--log",
        str(world.stats / "musicbrainz.log"),
        "--seconds",
        str(world.options.seconds),
    )
    await world.children.until("the Soulseek server", lambda: _listening(server, 2242))
    await world.children.until("the MusicBrainz stub", lambda: _listening(stub, 5000))


async def _start_users(world: World) -> None:
    """mono_lith has the album and stalls in one track; dj_kode has it with other tags, slowly; bluenote59 has four tracks of it."""
    partial = world.root / "partial" / "Plone - For Beginner Piano (some)"
    partial.mkdir(parents=True)
    for path in sorted(world.album.rglob("*.flac"))[:4]:
        shutil.copy2(path, partial)
    shares = {"mono_lith": world.album, "dj_kode": world.root / "retagged", "bluenote59": partial.parent}
    pace = str(world.options.rate or PACE)
    stall = [] if world.options.rate else ["--stall-after", str(STALL_AFTER), "--stall-file", "03 "]
    extra = {"mono_lith": ["--rate", pace, *stall], "dj_kode": ["--rate", "200000"], "bluenote59": ["--rate", "500000"]}
    for number, name in enumerate(USERS, start=4):
        await world.children.start(
            f"user-{name}", "slskdn_tui.lab.soulseek_user", "--server", f"{world.address(2)}:2242", "--user", name, "--password", "lab",
            "--listen", f"{world.address(number)}:2234", "--share", str(shares[name]), "--stats", str(world.stats / f"{name}.json"), *extra[name],
        )  # fmt: skip
    await world.children.until("the three users", lambda: all(_ready(world.stats / f"{name}.json") for name in USERS))


async def _start_nodes(world: World, connect: Connect, say: Callable[[str], None]) -> None:
    for number, name in enumerate(NODES, start=8):
        share = world.root / "nodes" / name
        await asyncio.get_running_loop().run_in_executor(
            None, shutil.copytree, world.root / "retagged" if name == "retagged" else world.album, share
        )
        world.nodes[name] = _write_profile(world, f"node-{name}", number, share=share)
        await world.children.start(f"node-{name}", "slskdn_tui", "--profile", str(world.root / f"node-{name}"), "serve")
    for name, paths in world.nodes.items():
        await world.children.until(f"node {name}'s socket", paths.socket.exists)
        await _offers_ready(connect, paths, name)
        say(f"mesh node {name} has hashed and announced its files")
    if not world.options.honest:
        say("the liar's files are changed now that they are hashed")
        await asyncio.get_running_loop().run_in_executor(None, _spoil, world.root / "nodes" / "liar")


async def _offers_ready(connect: Connect, paths: Paths, name: str) -> None:
    """Until a node has hashed its files and announced them."""
    from slskdn_tui.model.views import StatusView, ViewKey

    engine = await connect(paths)
    try:
        async with asyncio.timeout(COMES_UP_S):
            while True:
                view = await engine.snapshot(ViewKey("status"))
                if isinstance(view, StatusView) and any(part.name == "offers" and part.state == "ok" for part in view.parts):
                    return
                await asyncio.sleep(0.2)
    except TimeoutError:
        raise RuntimeError(f"node {name} did not announce its files within {COMES_UP_S:g} s") from None
    finally:
        await engine.stop()


def _spoil(folder: Path) -> None:
    """Flip one byte in every leaf of every file."""
    for path in folder.rglob("*.flac"):
        before = path.stat()
        with path.open("r+b") as handle:
            for offset in range(777, path.stat().st_size, LEAF):
                handle.seek(offset)
                byte = handle.read(1)
                handle.seek(offset)
                handle.write(bytes([byte[0] ^ 0x55]))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # an honest node would notice the change and say so


def _write_profile(world: World, folder: str, number: int, share: Path | None) -> Paths:
    address = world.address(number)
    first = world.address(8)
    downloader = share is None
    upload = 0 if downloader else (world.options.rate or NODE_PACE) * 8 // 1000
    settings = {
        "soulseek": {
            "enabled": downloader, "server": f"{world.address(2)}:2242", "username": folder, "password": "lab", "listen_address": address,
            "listen_port": 2234, "share": [] if share is None else [str(share)], "search_gap_s": 0.5, "reconnect_s": 1.0,
        },
        "downloads": {"folder": str(world.downloads if downloader else world.root / folder / "downloads"), "free_space_mib": 16},
        "musicbrainz": {"url": f"http://{world.address(3)}:5000", "contact": "demo@localhost", "rate_s": 0.0},
        "overlay": {"enabled": world.options.overlay or not downloader, "listen": f"{address}:{OVERLAY_PORT}", "bandwidth_kbps": upload},
        "dht": {"listen": f"{address}:{DHT_PORT}", "bootstrap": [] if address == first else [f"{first}:{DHT_PORT}"], "announce_recordings": True},
        "network": {"permit": ["127.0.0.0/8"]},
        "rescue": dict(SHORT),
    }  # fmt: skip
    paths = Paths.of(world.root / folder)
    paths.config.mkdir(parents=True, exist_ok=True, mode=0o700)
    paths.config_file.write_text(safe_yaml.dump(settings), encoding="utf-8")
    paths.config_file.chmod(0o600)
    return paths


def _listening(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.2)
        return probe.connect_ex((host, port)) == 0


def _ready(stats: Path) -> bool:
    """True once a lab user's counters say that it has logged in and scanned."""
    try:
        return bool(json.loads(stats.read_text())["ready"])
    except (OSError, ValueError):
        return False
