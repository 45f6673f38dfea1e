"""`slskdn bench serve` and `fetch` as processes over real TLS: the file arrives, the liar is named, nothing foreign is loaded."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

from world import FakePeer, some_bytes

from slskdn_tui.engine.bench.fetch import words
from slskdn_tui.engine.bench.meetings import Meetings
from slskdn_tui.engine.bench.transfer import Transfer
from slskdn_tui.engine.runtime.clock import SystemClock
from slskdn_tui.engine.runtime.supervise import Supervisor
from slskdn_tui.model.ports import ChunkPeer
from slskdn_tui.model.variant import LEAF, Variant
from tests.fakes.ports import free_port

BENCH = [sys.executable, "-m", "slskdn_tui.engine.bench"]
ROOT = Path(__file__).resolve().parents[3]


def test_bench_fetch_brings_the_file_and_names_the_liar(tmp_path: Path) -> None:
    data = some_bytes(3 * 1024 * 1024 + 11)
    hosts = ["127.0.31.1", "127.0.31.2", "127.0.31.3"]
    files, ready, ports = [], [], [free_port(host) for host in hosts]
    serving = []
    try:
        for number, (host, port) in enumerate(zip(hosts, ports, strict=True)):
            files.append(tmp_path / f"file{number}.bin")
            files[-1].write_bytes(data)
            ready.append(tmp_path / f"ready{number}")
            command = [*BENCH, "serve", "--listen", f"{host}:{port}", "--ready", str(ready[-1]), str(files[-1])]
            serving.append(subprocess.Popen(command, cwd=ROOT))
        end = time.monotonic() + 240
        while not all(path.exists() for path in ready):
            assert time.monotonic() < end and all(process.poll() is None for process in serving)
            time.sleep(0.02)
        with files[2].open("r+b") as spoilt:  # after it was hashed: it answers with the digests it had
            for at in range(7, len(data), 65536):
                spoilt.seek(at)
                spoilt.write(bytes([data[at] ^ 0x55]))
        out = tmp_path / "out.bin"
        peers = ",".join(f"{host}:{port}" for host, port in zip(hosts, ports, strict=True))
        for honest in serving[:2]:  # the liar answers first, whatever the machine is busy with
            honest.send_signal(signal.SIGSTOP)
        fetching = subprocess.Popen(
            [*BENCH, "fetch", "--json", "--out", str(out), "--peers", peers],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        while not out.with_name("out.bin.part").exists():
            assert time.monotonic() < end + 60 and fetching.poll() is None
            time.sleep(0.02)
        for honest in serving[:2]:
            honest.send_signal(signal.SIGCONT)
        printed, complaint = fetching.communicate(timeout=240)
        assert fetching.returncode == 0, complaint + printed
        told = json.loads(printed.splitlines()[-1])
        assert out.read_bytes() == data and not out.with_name("out.bin.part").exists()
        assert told["ok"] and told["bytes"] == len(data) and told["banned"] == [f"{hosts[2]}:{ports[2]}"]
        assert told["by_peer"][f"{hosts[2]}:{ports[2]}"] == 0
        assert sum(told["by_peer"].values()) == len(data) and told["duplicate_bytes"] <= len(data) * 0.2
        assert set(told) >= {"seconds", "MBps", "variant_id"}
        said = words(told)  # as without --json
        assert all(f"{name}  {count} bytes" in said for name, count in told["by_peer"].items())
        assert f"duplicates  {told['duplicate_bytes']} bytes; banned: {hosts[2]}:{ports[2]}" in said
    finally:
        for process in serving:
            process.kill()
            process.wait()


class Meeting(Meetings):
    """Two who were met without a network: the second while the first is taken in."""

    def __init__(self, *peers: FakePeer) -> None:
        self.names = {peer.node_id: peer.host for peer in peers}
        self.news, self.pending = asyncio.Condition(), 1
        first, self.second = peers
        self.offers = {first: first.variant}  # type: ignore[dict-item]


def test_who_answers_while_another_peer_is_taken_in_is_taken_in_too(tmp_path: Path) -> None:
    async def story() -> None:
        data, clock = some_bytes(4 * LEAF), SystemClock()
        meetings = Meeting(FakePeer("a1", data, wrong=True), FakePeer("b2", data))
        transfer = await Transfer.begin(tmp_path / "out", meetings.second.variant, meetings, clock, Supervisor(clock))
        take = transfer.swarm.add_peer

        async def slowly(peer: ChunkPeer, *variants: Variant) -> str:
            meetings.offers[meetings.second], meetings.pending = meetings.second.variant, 0  # type: ignore[index]
            return await take(peer, *variants)

        transfer.swarm.add_peer = slowly  # type: ignore[method-assign]
        result = await transfer.run()
        assert result["ok"] and result["by_peer"]["b2"] == len(data), "the first lies"

    asyncio.run(asyncio.wait_for(story(), 60))


def test_who_was_waited_for_in_vain_does_not_count_in_the_seconds_of_the_transfer(tmp_path: Path) -> None:
    waited: list[float] = []

    class Slow(Meeting):
        """One of three never answers, and might offer another variant."""

        def settled(self, current: Variant) -> bool:
            waited.append(time.perf_counter())
            self.pending = 0
            return True

    async def story() -> None:
        data, clock = some_bytes(4 * LEAF), SystemClock()
        meetings = Slow(FakePeer("a1", data), FakePeer("b2", data))
        transfer = await Transfer.begin(tmp_path / "out", meetings.second.variant, meetings, clock, Supervisor(clock))
        result = await transfer.run()
        assert result["ok"] and result["committed"] <= waited[0]

    asyncio.run(asyncio.wait_for(story(), 60))


def test_bench_fetch_says_when_nobody_is_there(tmp_path: Path) -> None:
    port = free_port("127.0.31.4")
    done = subprocess.run(
        [*BENCH, "fetch", "--out", str(tmp_path / "o"), "--peers", f"127.0.31.4:{port}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6 and "no peer offers a file" in done.stderr


def test_bench_loads_neither_soulseek_nor_audio_libraries() -> None:
    heavy = ("aioslsk", "numpy", "textual", "rich", "av", "pydantic", "pydantic_core", "yaml")
    code = f"import sys, slskdn_tui.engine.bench.fetch, slskdn_tui.engine.bench.transfer; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip() == "[]"
