"""Nicotine+ 3.3, headless, against this program's Soulseek plane over the lab's server: both directions, bit for bit."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import random
import signal
import wave
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from slskdn_tui.config.settings import Soulseek
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.engine.soulseek.manners.manners import Manners
from slskdn_tui.engine.soulseek.plane import SoulseekPlane
from slskdn_tui.lab.soulseek_server import LabServer
from slskdn_tui.model.candidates import FoundFile
from slskdn_tui.model.ports import OriginEnd, OriginState
from tests.engine.soulseek.soulseek_world import search
from tests.fakes.ports import free_port
from tests.interop.nicotine import Nicotine

pytestmark = pytest.mark.interop

if importlib.util.find_spec("pynicotine") is None:
    pytest.skip("Nicotine+ is not installed (pip install --no-deps nicotine-plus)", allow_module_level=True)

SIZE = 5 * 1024 * 1024 + 321


def sha(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def blob(size: int, seed: int) -> bytes:
    return random.Random(seed).randbytes(size)


def sound(path: Path, seconds: int = 3) -> None:
    """A WAV file, 44.1 kHz, 16 bit, stereo."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(44100)
        out.writeframes(bytes(44100 * 4 * seconds))


class Sink:
    def __init__(self, start: int = 0, enough_at: int | None = None) -> None:
        self.at, self.enough_at = start, enough_at
        self.data = bytearray()
        self.states: list[OriginState] = []
        self.places: list[int] = []

    def start(self, size: int) -> int:
        return self.at

    async def write(self, data: bytes) -> bool:
        self.data += data
        return self.enough_at is None or len(self.data) < self.enough_at

    def status(self, state: OriginState, place: int | None = None, detail: str = "") -> None:
        self.states.append(state)
        if place is not None:
            self.places.append(place)


class Lab:
    """The server, our plane as `slskdn`, and Nicotine+ peers; `meet` starts all and waits until everybody shares."""

    def __init__(self, tmp: Path, stack: AsyncExitStack) -> None:
        self.tmp = tmp
        self.stack = stack
        self.server = LabServer()
        self.ours = tmp / "ours" / "Music"
        self.ours.mkdir(parents=True)
        self.peers: list[Nicotine] = []

    async def listen(self) -> None:
        await self.server.start("127.1.0.1")
        self.stack.push_async_callback(self.server.stop)

    def peer(self, name: str, *, slots: int = 2, upload_kib_s: int = 0) -> Nicotine:
        number = 8 + len(self.peers)
        made = Nicotine(self.tmp / name, f"127.1.0.1:{self.server.port}", name, f"127.1.{number}.1", slots=slots, upload_kib_s=upload_kib_s)
        self.peers.append(made)
        return made

    async def meet(self) -> None:
        clock = SystemClock()
        supervisor = Supervisor(clock)
        settings = Soulseek(
            server=f"127.1.0.1:{self.server.port}",
            username="slskdn",
            listen_address="127.1.2.1",
            listen_port=free_port("127.1.2.1"),
            share=[str(self.ours)],
            search_gap_s=0.0,
        )
        self.plane = SoulseekPlane(
            settings,
            password="secret",
            share_db=self.tmp / "profile" / "shares.db",
            clock=clock,
            supervisor=supervisor,
            rng=random.Random(1),
            on_event=lambda *event: None,
            on_bytes=lambda *count: None,
            manners=Manners(place_first=0.5, place_every=2.0),
        )
        self.stack.push_async_callback(supervisor.stop)
        await self.plane.start()
        self.stack.push_async_callback(self.plane.stop)
        for peer in self.peers:
            await peer.start()
            self.stack.push_async_callback(peer.stop)
        await self.plane.wait_online()
        await self.plane.rescan_shares()
        for peer in self.peers:
            count = sum(path.is_file() for path in peer.shared.rglob("*"))
            await self.server.until(
                lambda name=peer.name, count=count: name in self.server.members and self.server._stats_of(name).shared_file_count == count
            )
            # it listens on its own address, but reaches the server from an unbound socket
            self.server.members[peer.name].address = peer.address


Story = Callable[[Lab], Awaitable[None]]


def run(tmp: Path, story: Story) -> None:
    async def main() -> None:
        async with asyncio.timeout(600), AsyncExitStack() as stack:
            lab = Lab(tmp, stack)
            await lab.listen()
            await story(lab)

    asyncio.run(main())


def test_a_file_of_a_nicotine_user_is_found_cut_resumed_and_right(tmp_path) -> None:
    data = blob(SIZE, 3)

    async def story(lab: Lab) -> None:
        peer = lab.peer("nico")
        peer.share("Lab Album/01 tune.flac", data)
        await lab.meet()
        replies = await search(lab.plane, "lab album tune")
        assert [reply.username for reply in replies] == ["nico"]
        found = replies[0].files[0]
        assert found.size == SIZE and replies[0].free_slot
        head = Sink(enough_at=1_000_000)
        end, _ = await lab.plane.origin(found).fetch(head)
        assert end == OriginEnd.ENOUGH and OriginState.ACTIVE in head.states
        rest = Sink(start=len(head.data))
        end, words = await lab.plane.origin(found).fetch(rest)
        assert end == OriginEnd.COMPLETE, words
        assert sha(bytes(head.data + rest.data)) == sha(data)
        assert (await peer.until(lambda: peer.told("upload")))[0]["user"] == "slskdn"
        end, words = await lab.plane.origin(FoundFile("nico", found.path + ".not", 5, "flac")).fetch(Sink())
        assert end == OriginEnd.DENIED and "File not shared." in words

    run(tmp_path, story)


def test_a_nicotine_user_downloads_from_us(tmp_path) -> None:
    data = blob(SIZE, 4)

    async def story(lab: Lab) -> None:
        peer = lab.peer("nico")
        (lab.ours / "01 our tune.flac").write_bytes(data)
        await lab.meet()
        assert lab.plane.shared == (1, 1)
        path = lab.plane._reader.query("our tune")[0].remote
        peer.do(do="download", user="slskdn", path=path, size=SIZE)
        done = (await peer.until(lambda: peer.told("download")))[0]
        assert done["user"] == "slskdn" and done["path"] == path
        assert sha(Path(done["real"]).read_bytes()) == sha(data)
        upload = await peer.until(lambda: next((each for each in lab.plane.uploads() if each.state == "done"), None))
        assert (upload.username, upload.sent, upload.size) == ("nico", SIZE, SIZE)
        await lab.server.until(lambda: lab.server.count("SendUploadSpeed", "slskdn") == 1)

    run(tmp_path, story)


def test_both_sides_see_length_rate_and_depth_in_their_search_results(tmp_path) -> None:
    async def story(lab: Lab) -> None:
        peer = lab.peer("nico")
        sound(peer.shared / "Sounds" / "their tone.wav")
        sound(lab.ours / "Sounds" / "our tone.wav", 5)
        await lab.meet()
        found = (await search(lab.plane, "their tone"))[0].files[0]
        assert (found.seconds, found.sample_rate, found.bit_depth) == (3, 44100, 16)
        peer.do(do="search", query="our tone")
        told = (await peer.until(lambda: [each for each in peer.told("found") if each["user"] == "slskdn"]))[0]["files"]
        assert [each["path"].rsplit("\\", 1)[-1] for each in told] == ["our tone.wav"]
        assert all(value in told[0]["attributes"] for value in ("44100", "16", "5"))

    run(tmp_path, story)


def test_behind_a_busy_slot_the_places_are_shown_and_all_arrive_right(tmp_path) -> None:
    files = {f"Album/0{number} tune.flac": blob(300_000 + number, 10 + number) for number in (1, 2, 3)}

    async def story(lab: Lab) -> None:
        peer = lab.peer("nico", slots=1, upload_kib_s=1500)
        other = lab.peer("busy")
        for name, data in files.items():
            peer.share(name, data)
        big = blob(10_000_000, 9)
        peer.share("Big/big.flac", big)
        await lab.meet()
        found = {file.name: file for reply in await search(lab.plane, "tune") for file in reply.files}
        assert sorted(found) == ["01 tune.flac", "02 tune.flac", "03 tune.flac"]
        other.do(do="download", user="nico", path="Music\\Big\\big.flac", size=len(big))
        await peer.until(lambda: peer.told("upload_started"))
        assert other.process is not None
        other.process.send_signal(signal.SIGSTOP)  # it takes nothing more: the slot stays busy until the places are shown
        sinks = {name: Sink() for name in found}
        fetches = asyncio.gather(*(lab.plane.origin(file).fetch(sinks[name]) for name, file in found.items()))
        await peer.until(lambda: fetches.done() or all(sink.places for sink in sinks.values()))
        assert not fetches.done()
        other.process.send_signal(signal.SIGCONT)
        ends = await fetches
        assert [end for end, _ in ends] == [OriginEnd.COMPLETE] * 3, ends
        assert max(place for sink in sinks.values() for place in sink.places) >= 3
        for name, data in files.items():
            assert sha(bytes(sinks[name.rpartition("/")[2]].data)) == sha(data)
        real = (await other.until(lambda: other.told("download")))[0]["real"]
        assert sha(Path(real).read_bytes()) == sha(big)

    run(tmp_path, story)


def test_a_peer_that_nobody_can_connect_to_still_gives(tmp_path) -> None:
    data = blob(SIZE, 5)

    async def story(lab: Lab) -> None:
        peer = lab.peer("nico")
        peer.share("Lab/their tune.flac", data)
        await lab.meet()
        lab.server.members["nico"].port = free_port("127.1.8.1")  # what others are told; nothing listens there
        sink = Sink()
        end, words = await lab.plane.origin(FoundFile("nico", "Music\\Lab\\their tune.flac", SIZE, "flac")).fetch(sink)
        assert end == OriginEnd.COMPLETE and sha(bytes(sink.data)) == sha(data), words
        assert lab.server.count("ConnectToPeer", "slskdn") >= 1

    run(tmp_path, story)


@pytest.mark.parametrize("closed", ["slskdn", "nico"])
def test_with_either_side_closed_to_connections_we_still_give(tmp_path, closed: str) -> None:
    data = blob(SIZE, 6)

    async def story(lab: Lab) -> None:
        peer = lab.peer("nico")
        (lab.ours / "our tune.flac").write_bytes(data)
        await lab.meet()
        lab.server.members[closed].port = free_port(lab.server.members[closed].address)
        path = lab.plane._reader.query("our tune")[0].remote
        peer.do(do="download", user="slskdn", path=path, size=SIZE)
        done = (await peer.until(lambda: peer.told("download")))[0]
        assert sha(Path(done["real"]).read_bytes()) == sha(data)
        if closed == "slskdn":
            assert lab.server.count("ConnectToPeer", "nico") >= 1

    run(tmp_path, story)


def test_a_nicotine_user_browses_what_we_share(tmp_path) -> None:
    async def story(lab: Lab) -> None:
        peer = lab.peer("nico")
        for name in ("A/one.flac", "A/two.flac", "B/CD 1/three.flac"):
            (lab.ours / name).parent.mkdir(parents=True, exist_ok=True)
            (lab.ours / name).write_bytes(blob(1000, 1))
        await lab.meet()
        peer.do(do="browse", user="slskdn")
        seen = await peer.until(lambda: peer.state.get("browsed", {}).get("slskdn"))
        assert sorted(name for files in seen.values() for name in files) == ["one.flac", "three.flac", "two.flac"]
        assert sorted(folder.rpartition("\\")[2] for folder in seen) == ["A", "CD 1"]

    run(tmp_path, story)
