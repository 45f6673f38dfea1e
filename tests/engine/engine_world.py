"""A whole world in one process: lab server, MusicBrainz stub, Soulseek users that hold back at a byte, and engines with profiles of their own.

Every one lives on its own 127.4.N.1. What users sent and nodes uploaded is counted by them, never asked of the engine under test.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import shutil
import socket
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from aioslsk.exceptions import ConnectionReadError, ConnectionWriteError
from aioslsk.network.connection import PeerConnection, PeerConnectionState
from aioslsk.network.network import Network
from aioslsk.transfer.model import Transfer

from slskdn_tui.config import safe_yaml
from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.engine.engine import Engine
from slskdn_tui.engine.jobs.live import LiveJob
from slskdn_tui.engine.remote import RemoteEngine
from slskdn_tui.engine.runtime.clock import Clock, SystemClock
from slskdn_tui.engine.soulseek.wire import hardening
from slskdn_tui.engine.soulseek.wire.network import BoundNetwork
from slskdn_tui.lab.children import Child, Children
from slskdn_tui.lab.data import DEMO_RELEASE, ReleaseFact, demo_release, shortened
from slskdn_tui.lab.musicbrainz_stub import MusicBrainzStub
from slskdn_tui.lab.soulseek_server import LabServer
from slskdn_tui.lab.soulseek_user import LabTransfers, LabUser, settings_for
from slskdn_tui.model.views import EngineEvent, StatusView, ViewKey
from slskdn_tui.seam import Command, Result
from tests.fakes.ports import free_port

SECONDS = 5.0
"""Mean length of a track: about 650 KB, ten leaves."""
LEAF = 65536
PIECE = 8 * 1024
TIMEOUT = 240.0
LONG = 120.0
"""Seconds of a threshold that `SkippingClock.skip(LONG + 1)` passes and no busy machine; the overlay drops who is silent for 180 s."""
ONLINE: set[str] = set()
"""The users of the world who share and can answer a search."""


@dataclass(frozen=True, slots=True)
class Album:
    """The session's album as FLAC files, and a copy with other tags."""

    true: Path
    retagged: Path

    def tracks(self, count: int, retagged: bool = False) -> list[Path]:
        return sorted((self.retagged if retagged else self.true).glob("*.flac"))[:count]


def release_of(count: int) -> ReleaseFact:
    """The demo's release with its first `count` tracks, as short as the album is."""
    whole = shortened(demo_release(), SECONDS)
    medium = whole.media[0]
    return replace(whole, media=(replace(medium, tracks=medium.tracks[:count]),))


def sha(data: bytes | Path) -> str:
    return hashlib.sha256(data.read_bytes() if isinstance(data, Path) else data).hexdigest()


class SkippingClock(SystemClock):
    """Real time, ahead of which a test jumps: a threshold of a minute is passed at once, and by no busy machine before."""

    def __init__(self) -> None:
        self._ahead = 0.0
        self._skipped = asyncio.Event()

    def now(self) -> float:
        return super().now() + self._ahead

    async def sleep(self, seconds: float) -> None:
        end = self.now() + seconds
        while (left := end - self.now()) > 0:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._skipped.wait()

    def skip(self, seconds: float) -> None:
        """`seconds` pass at once; who sleeps that long wakes."""
        self._ahead += seconds
        self._skipped.set()
        self._skipped = asyncio.Event()


class HeldTransfers(LabTransfers):
    """Uploads that count and stop at a byte of the file until they are let go."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.holder: Holder | None = None

    async def _upload_file(self, transfer: Transfer, connection: PeerConnection) -> None:
        connection.set_connection_state(PeerConnectionState.TRANSFERRING)
        await transfer.state.start_transferring()
        holder, name = self.holder, transfer.remote_path.rsplit("\\", 1)[-1]
        assert holder is not None
        holder.starts.setdefault(name, []).append(transfer.bytes_transfered)
        left = asyncio.ensure_future(connection.receive_data(1024))  # a downloader says nothing more; it may leave
        try:
            with open(transfer.local_path or "", "rb") as handle:
                handle.seek(transfer.bytes_transfered)
                while data := handle.read(PIECE):
                    await holder.let_through(name, handle.tell(), left)
                    if left.done():
                        break
                    await connection.send_data(data)
                    transfer._transfer_progress_callback(data)
                    holder.sent[name] = holder.sent.get(name, 0) + len(data)
                    if holder.rate:
                        await asyncio.sleep(len(data) / holder.rate)
            await left
        except (ConnectionReadError, ConnectionWriteError):
            pass
        finally:
            left.cancel()
        if transfer.is_transfered():
            await transfer.state.complete()
        else:
            await transfer.state.fail()


class Holder(LabUser):
    """A Soulseek user sharing one folder. `hold(at)` keeps every upload from going past byte `at`; `sent` and `starts` are by file name; `rate` in bytes/s, 0 for none."""

    def __init__(self, server: str, name: str, address: str, share: Path) -> None:
        self.sent: dict[str, int] = {}
        self.starts: dict[str, list[int]] = {}
        self.rate = 0
        self._hold: dict[str, int] = {}
        self._moved = asyncio.Event()
        super().__init__(settings_for(server, name, "lab", free_port(address), share), address)
        assert isinstance(self.transfers, HeldTransfers)
        self.transfers.holder = self

    def create_network(self) -> Network:
        return BoundNetwork(self.settings, self.events, self._address)

    def create_transfer_manager(self, cache: Any) -> HeldTransfers:
        return HeldTransfers(self.settings, self.events, self.users, self.shares, self.network, cache=cache)

    async def stop(self) -> None:
        ONLINE.discard(self.settings.credentials.username)
        await super().stop()

    @property
    def total(self) -> int:
        return sum(self.sent.values())

    def hold(self, at: int, which: str = "") -> None:
        """Uploads of files whose name contains `which` stop at byte `at`."""
        self._hold[which] = at

    def let_go(self) -> None:
        self._hold.clear()
        self._moved.set()
        self._moved = asyncio.Event()

    async def let_through(self, name: str, stop: int, left: asyncio.Future[Any]) -> None:
        """Until byte `stop` of this file may be sent, or the downloader has left."""
        while not left.done() and any(which in name and stop > at for which, at in self._hold.items()):
            moved = asyncio.ensure_future(self._moved.wait())
            await asyncio.wait({moved, left}, return_when=asyncio.FIRST_COMPLETED)
            moved.cancel()


AnyHolder = TypeVar("AnyHolder", bound=Holder)


class World:
    """`async with World(tmp_path, album, tracks=3) as world`: everything started in it ends with it."""

    def __init__(self, root: Path, album: Album, tracks: int = 2) -> None:
        self.root = root
        self.album = album
        self.count = tracks
        self.server = LabServer()
        self.host = "127.4.0.1"
        self.stub = MusicBrainzStub((release_of(tracks),))
        self.holders: dict[str, Holder] = {}
        self.events: dict[str, list[EngineEvent]] = {}
        self.children: Children | None = None
        self._stack = AsyncExitStack()
        self._next = 10

    async def __aenter__(self) -> World:
        hardening.install()
        await self.server.start(self.host)
        self._stack.push_async_callback(self.server.stop)
        await self.stub.start("127.4.0.2")
        self._stack.push_async_callback(self.stub.close)
        return self

    async def __aexit__(self, *error: object) -> None:
        await self._stack.aclose()

    def address(self) -> str:
        self._next += 1
        return f"127.4.{self._next}.1"

    @property
    def server_address(self) -> str:
        return f"{self.host}:{self.server.port}"

    async def another_server(self, host: str, port: int) -> None:
        """A server that comes up later; users who come after it log in there."""
        self.server, self.host = LabServer(), host
        await self.server.start(host, port)
        self._stack.push_async_callback(self.server.stop)

    @property
    def truth(self) -> list[str]:
        return [sha(path) for path in self.album.tracks(self.count)]

    # users

    async def holder(self, name: str, files: Iterable[Path] | dict[str, bytes] | None = None) -> Holder:
        """A user who shares these files (default: the album's true ones) and is online."""
        return await self.join(Holder, name, files)

    async def join(self, kind: type[AnyHolder], name: str, files: Iterable[Path] | dict[str, bytes] | None) -> AnyHolder:
        folder = self.root / "users" / name / "Plone - For Beginner Piano"
        put(folder, self.album.tracks(self.count) if files is None else files)
        user = kind(self.server_address, name, self.address(), folder.parent)
        await user.start()
        self._stack.push_async_callback(user.stop)
        await user.login()
        await user.shares.scan()
        self.holders[name] = user
        ONLINE.add(name)
        return user

    async def back(self, gone: Holder) -> Holder:
        """The same user with the same files, online again."""
        name = gone.settings.credentials.username
        user = Holder(self.server_address, name, self.address(), self.root / "users" / name)
        await user.start()
        self._stack.push_async_callback(user.stop)
        await user.login()
        await user.shares.scan()
        self.holders[name] = user
        ONLINE.add(name)
        return user

    # engines

    def values(self, name: str, **sections: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """A profile's settings: mesh on, DHT off, nothing rescued by itself; `sections` override."""
        address = self.address()
        values: dict[str, dict[str, Any]] = {
            "soulseek": {
                "server": self.server_address, "username": name, "listen_address": address, "listen_port": free_port(address),
                "search_gap_s": 0.0, "reconnect_s": 0.1,
            },
            "downloads": {"folder": str(self.root / name / "music"), "free_space_mib": 1},
            "musicbrainz": {"url": self.stub.url, "contact": "test@localhost", "rate_s": 0.0},
            "overlay": {"listen": f"{address}:{free_port(address)}"},
            "dht": {"enabled": False, "listen": f"{address}:{free_port(address, kind=socket.SOCK_DGRAM)}"},
            "network": {"permit": ["127.0.0.0/8"]},
            "rescue": {"queued_s": 600.0, "no_bytes_s": 600.0, "slow_bytes_s": 0.0},
        }  # fmt: skip
        for section, changes in sections.items():
            values[section] = {**values.get(section, {}), **changes}
        return values

    def settings(self, name: str, **sections: dict[str, Any]) -> Settings:
        return Settings.model_validate(self.values(name, **sections))

    def paths(self, name: str) -> Paths:
        return Paths.of(self.root / name / "profile")

    async def engine(self, name: str = "me", clock: Clock | None = None, **sections: dict[str, Any]) -> Engine:
        """A started engine; it is stopped with the world unless the test does so."""
        return await self.start(name, self.settings(name, **sections), clock=clock)

    async def start(self, name: str, settings: Settings, password: str = "secret", clock: Clock | None = None) -> Engine:
        engine = Engine(self.paths(name), settings, password=password, clock=clock)
        self.events[name] = []
        listener = asyncio.create_task(_listen(engine, self.events[name]))
        await asyncio.sleep(0)
        self._stack.callback(listener.cancel)
        await engine.start()
        self._stack.push_async_callback(engine.stop)
        return engine

    async def node(self, name: str, files: Iterable[Path] | None = None, **overlay: Any) -> Engine:
        """A mesh node that offers these files (default: the true ones) and is off Soulseek."""
        folder = self.root / name / "offered"
        put(folder, self.album.tracks(self.count) if files is None else files)
        engine = await self.engine(
            name, soulseek={"enabled": False, "share": [str(folder)]}, overlay={"listen": self._overlay(), **overlay}
        )
        await until(lambda: any(event.name == "offers.ready" for event in self.events[name]), f"{name} offers its files")
        return engine

    # engines in processes of their own

    def configure(self, name: str, **sections: dict[str, Any]) -> Paths:
        """Write the profile of an engine that runs as `slskdn serve`."""
        paths = self.paths(name)
        paths.ensure()
        values = self.values(name, **sections)
        values["soulseek"].setdefault("password", "secret")
        paths.config_file.write_text(safe_yaml.dump(values), encoding="utf-8")
        paths.config_file.chmod(0o600)
        return paths

    async def serve(self, name: str) -> Child:
        """`slskdn serve` on a configured profile; ready when it answers. It ends with the world."""
        if self.children is None:
            self.children = Children(self.root / "logs")
            self._stack.push_async_callback(self.children.stop)
        paths = self.paths(name)
        child = await self.children.start(name, "slskdn_tui", "--profile", str(paths.profile), "serve")
        await until(lambda: not child.running or answers(paths), f"{name} serves")
        assert child.running, child.words()
        return child

    async def attach(self, name: str) -> RemoteEngine:
        engine = RemoteEngine(self.paths(name).socket)
        await engine.start()
        self._stack.push_async_callback(engine.stop)
        return engine

    def _overlay(self) -> str:
        address = self.address()
        return f"{address}:{free_port(address)}"

    def said(self, name: str, event: str) -> list[str]:
        return [str(each.text) for each in self.events[name] if each.name == event]

    # jobs

    async def create(self, engine: Engine, **args: Any) -> LiveJob:
        result = await engine.submit(Command("jobs.create", {"reference": DEMO_RELEASE, **args}))
        assert result.ok, result
        return engine.runner.find(result.data["job_id"])

    def music(self, name: str = "me") -> list[str]:
        """sha256 of what was placed, in the order of names."""
        return [sha(path) for path in sorted((self.root / name / "music").rglob("*.flac"))]


def answers(paths: Paths) -> bool:
    """Whether somebody listens on the profile's socket; the file of a killed engine does not count."""
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(paths.socket)) == 0


async def uploaded(node: Engine) -> int:
    """Bytes a mesh node counts as uploaded, told now instead of by the next second's count."""
    assert node.mesh is not None
    for peer in node.mesh.peers.values():
        node.mesh._tell_bytes(peer)
    view = await node.snapshot(ViewKey("status"))
    assert isinstance(view, StatusView)
    return view.mesh_up


async def act(engine: Engine, verb: str, job: LiveJob | str, **more: Any) -> Result:
    return await engine.submit(Command(f"jobs.{verb}", {"job": job if isinstance(job, str) else job.job_id, **more}))


async def stalled(clock: SkippingClock, job: LiveJob, size: int, position: int = 1) -> None:
    """The source, held at byte `size` of this track, has sent nothing for `LONG`: its clock skips once the stall watch has seen all that came."""
    live = job.tracks[position - 1]

    def seen() -> bool:
        swarm = live.swarm
        if swarm is None or swarm.stream is None or swarm.part.pieces.done < size:
            return False
        return swarm._watch._bytes == swarm.stream.meter.total

    await until(seen, f"{size} bytes came", job)
    clock.skip(LONG + 1)


async def completed(job: LiveJob) -> None:
    """Complete, and all that is to be told of it is told: the state stands before its last words."""
    await until(lambda: job.record.state == "completed" and (job.task is None or job.task.done()), "the job is complete", job)
    await asyncio.sleep(0.01)


async def until(condition: Callable[[], Any], what: str, job: LiveJob | None = None, seconds: float = TIMEOUT) -> None:
    """Poll; the failure says what was waited for and how the job stands."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what}; {_standing(job)}") from None


def _standing(job: LiveJob | None) -> str:
    if job is None:
        return ""
    tracks = [f"{live.track.position} {live.record.state} {live.record.username} {live.record.reason} {live.note}" for live in job.tracks]
    return f"job {job.record.state} {job.record.error}: {tracks}"


def put(folder: Path, files: Iterable[Path] | dict[str, bytes]) -> None:
    folder.mkdir(parents=True)
    if isinstance(files, dict):
        for name, data in files.items():
            (folder / name).write_bytes(data)
    else:
        for path in files:
            shutil.copy2(path, folder)


async def _listen(engine: Engine, into: list[EngineEvent]) -> None:
    async for event in engine.events():
        into.append(event)
