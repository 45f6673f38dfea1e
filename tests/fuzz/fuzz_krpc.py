"""Fuzzes the bencode/KRPC decoder and the node behind it with coverage (atheris): nothing raises, no reply breaks the rules, memory is flat.

    python tests/fuzz/fuzz_krpc.py [--runs 10000000 | --seconds 60] [--core]

Without `--core` only `decode` sees the input (and what it accepts must survive encoding); with it each input is a story of datagrams to a
node that knows others, stores peers and items and has look-ups open. Exit 0: all ran. A crash leaves its input in this folder.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import time
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
with atheris.instrument_imports(include=["slskdn_tui.engine.dht"]):
    from slskdn_tui.engine.dht.limits import DhtLimits
    from slskdn_tui.engine.dht.machine.core import DhtCore
    from slskdn_tui.engine.dht.machine.outputs import Send
    from slskdn_tui.engine.dht.store.items import immutable
    from slskdn_tui.engine.dht.wire import krpc

from bencode2 import bdecode, bencode  # noqa: E402

KEY, SENDER = b"k" * 20, b"a" * 20
RSS = 512 * 1024
"""KiB of memory at most"""


def seeds() -> list[bytes]:
    """One message of each kind: what the fuzzer begins with."""
    query, tid = krpc.encode_query, b"tt"
    nodes = [(bytes([n]) * 20, (f"127.3.{n}.1", 6881)) for n in range(8)]
    return [
        query(tid, b"ping", SENDER),
        query(tid, b"find_node", SENDER, {b"target": KEY, b"want": [b"n4", b"n6"]}),
        query(tid, b"get_peers", SENDER, {b"info_hash": KEY, b"scrape": 1}),
        query(tid, b"announce_peer", SENDER, {b"info_hash": KEY, b"port": 5, b"token": b"x" * 8, b"implied_port": 0, b"seed": 1}),
        query(tid, b"get", SENDER, {b"target": KEY, b"seq": 1}),
        query(
            tid,
            b"put",
            SENDER,
            {b"v": [b"a", 1, {b"b": []}], b"k": b"k" * 32, b"sig": b"s" * 64, b"seq": 1, b"cas": 0, b"salt": b"s", b"token": b"x" * 8},
        ),
        query(tid, b"sample_infohashes", SENDER, {b"target": KEY}, read_only=True),
        krpc.encode_reply(tid, SENDER, nodes=nodes, values=[("1.2.3.4", 5)], token=b"t" * 8, seen_as=("1.2.3.4", 5)),
        krpc.encode_reply(tid, SENDER, nodes6=[(KEY, ("2a00::1", 5))], BFsd=bytes(256), BFpe=bytes(256)),
        krpc.encode_reply(tid, SENDER, samples=KEY * 3, interval=60, num=3, v=b"value", k=b"k" * 32, sig=b"s" * 64, seq=1),
        krpc.encode_failure(tid, 203, "no"),
    ]


def decoder(data: bytes) -> None:
    try:
        message = krpc.decode(data)
    except krpc.Malformed:
        return
    assert bencode(bdecode(data)) == data, "what is accepted is canonical: it survives encoding"
    assert len(message.tid) <= krpc.MAX_TID
    if isinstance(message, krpc.Reply):
        assert (
            len(message.nodes) <= krpc.MAX_NODES and len(message.nodes6) <= krpc.MAX_NODES and len(message.values or ()) <= krpc.MAX_VALUES
        )


class Node:
    """A node in the middle of its life; made anew now and then."""

    LIFE = 20_000

    def __init__(self) -> None:
        self.left = 0

    def renew(self) -> None:
        self.left, self.now = self.LIFE, 1.0
        self.core = DhtCore(
            now=0.0, rng=random.Random(1), permit=["127.0.0.0/8"], limits=DhtLimits(burst=1e6, per_second=1e6, output_bytes_s=1e9)
        )
        self.core.start(0.0, ("127.1.1.1", 6881))
        rng = random.Random(2)
        for number in range(60):
            self.core.table.answered(rng.randbytes(20), (f"127.2.{number}.1", 6881), 0.0)
        for number in range(100):
            self.core.store.add(KEY, (f"127.9.1.{number}", 5), 0.0)
        item = immutable(b"x" * 900)
        self.core.items.put(item, "127.9.1.1", 0.0)
        commands = (self.core.get_peers, self.core.scrape, self.core.get_item)
        self.asked = [output for command in commands for output in command(0.5, KEY)[1] if isinstance(output, Send)]

    def story(self, data: bytes) -> None:
        if not self.left:
            self.renew()
        self.left -= 1
        self.now += 0.01
        who = data[0] % 16 if data else 0
        datagram, address = data[1:], (f"127.1.{who + 2}.1", 6881)
        if who == 15:  # in answer to a question of ours
            question = self.asked[data[1] % len(self.asked) if len(data) > 1 else 0]
            datagram, address = data[2:].replace(b"1:t2:tt", b"1:t4:" + krpc.decode(question.data).tid), question.address
        proven = self.core._proven.has(address, self.now)
        sent = [output for output in self.core.on_datagram(self.now, datagram, address) if isinstance(output, Send)]
        back = sum(len(send.data) for send in sent if send.address == address)
        assert all(len(send.data) <= 1400 for send in sent)
        if not proven and not self.core._proven.has(address, self.now):
            assert back <= 4 * len(datagram), (back, len(datagram))
        if self.left % 64 == 0:
            self.core.on_timer(self.now)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=0, help="inputs, 0 for no limit")
    parser.add_argument("--seconds", type=int, default=0, help="end after so long, 0 for no limit")
    parser.add_argument("--core", action="store_true", help="the whole node and not only the decoder")
    options = parser.parse_args()
    corpus = Path(os.environ.get("FUZZ_CORPUS") or f"/tmp/slskdn-fuzz-{os.getpid()}")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        for who in (0, 15):
            (corpus / f"seed-{number}-{who}").write_bytes(
                bytes([who, number]) + seed if options.core and who else bytes([who]) + seed if options.core else seed
            )
    node, began, count = Node(), time.monotonic(), 0

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        if options.core:
            node.story(data)
        else:
            decoder(data)
        if count % 100_000 == 0:
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < RSS, "memory grows"
            print(f"{count} inputs, {time.monotonic() - began:.0f} s", flush=True)

    flags = [
        sys.argv[0],
        str(corpus),
        "-max_len=2100",
        f"-rss_limit_mb={RSS // 1024}",
        f"-artifact_prefix={Path(__file__).parent}/",
        "-print_final_stats=1",
    ]
    flags += [f"-runs={options.runs}"] if options.runs else []
    flags += [f"-max_total_time={options.seconds}"] if options.seconds else []
    atheris.Setup(flags, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
