"""Fuzzes the overlay's decoder with coverage (atheris): frames out of a stream, every body, and what hears adverts. Nothing raises but ProtocolError, memory is flat.

    python tests/fuzz/fuzz_overlay.py [--runs 10000000 | --seconds 60]

An input is a stream of frames as a connected node would send them; an advert's JSON is signed first (a fuzzer finds no signature), so that the
shelf behind it sees what it finds. Exit 0: all ran. A crash leaves its input in this folder.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import atheris

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))
with atheris.instrument_imports(include=["slskdn_tui.engine.overlay"]):
    from slskdn_tui.engine.overlay import frames, messages
    from slskdn_tui.engine.overlay.frames import Kind
    from slskdn_tui.engine.overlay.gossip import messages as told
    from slskdn_tui.engine.overlay.gossip.gossip import Gossip
    from slskdn_tui.engine.overlay.gossip.shelf import ShelfLimits
    from slskdn_tui.engine.overlay.identity import NodeIdentity
    from slskdn_tui.engine.overlay.inbox import MAX_FRAME, Inbox

from slskdn_tui.engine.runtime.clock import VirtualClock  # noqa: E402
from slskdn_tui.model.variant import Variant  # noqa: E402
from tests.fakes.heard import FilledStock  # noqa: E402

RSS = 512 * 1024
"""KiB of memory at most"""
MBID = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
JSON = {
    Kind.HELLO: messages.Hello,
    Kind.HELLO_ACK: messages.Hello,
    Kind.CACHE_JOB: messages.CacheJob,
    Kind.DIGEST_PAGE_REQUEST: messages.DigestPageRequest,
    Kind.DIGEST_PAGE: messages.DigestPage,
    Kind.PEERS: told.MeshPeers,
    Kind.REACH_REQUEST: told.ReachRequest,
    Kind.REACH_ANSWER: told.ReachAnswer,
}


class Neighbour:
    node_id, host, closed, writable = "a" * 64, "127.1.1.1", False, True

    def tell(self, kind: Kind, request_id: int, body: bytes) -> None:
        assert len(body) <= frames.cap_of(kind)


class Node:
    """What hears; made anew now and then. The speaker's key is one of four."""

    LIFE = 20_000

    def __init__(self) -> None:
        self.keys = [NodeIdentity.ephemeral() for _ in range(4)]
        self.left = 0

    def renew(self) -> None:
        self.left, self.peer = self.LIFE, Neighbour()
        me = NodeIdentity.ephemeral()
        limits = ShelfLimits(bytes_a_node=8192, bytes=24_000)
        self.gossip = Gossip(me.node_id, me, FilledStock(), VirtualClock(), random.Random(1), limits=limits)
        self.gossip.connected(self.peer)

    def hear(self, kind: int, request_id: int, body: bytes) -> None:
        if kind == Kind.ADVERT:
            key = self.keys[request_id % 4]
            text = body[told._SEAL :]
            self.told(Kind.ADVERT, request_id, body)
            self.told(Kind.ADVERT, request_id, b"\0" + key.public_raw + key.sign(told._CONTEXT + text) + text)
            assert self.gossip.shelf.size <= 24_000 and len(self.gossip.shelf) <= 5
        elif kind in (Kind.ADVERT_REQUEST, Kind.DESCRIPTOR, Kind.DESCRIPTOR_QUERY):
            self.told(Kind(kind), request_id, body)
        elif kind == Kind.CHUNK_REQUEST:
            frames.ChunkRequest.decode(body)
        elif kind == Kind.CHUNK_ERROR:
            frames.ChunkError.decode(body)
        elif kind == Kind.CHUNK_CANCEL:
            assert len(frames.ChunkCancel.decode(body).ranges) <= frames.MAX_RANGES
        elif kind == Kind.CHUNK_DATA:
            frames.split_data(memoryview(body))
        elif kind in JSON:
            message = messages.decode(JSON[Kind(kind)], body)
            if isinstance(message, messages.CacheJob):
                message.constraints.allow(message.offers())
            elif isinstance(message, messages.DigestPage):
                try:
                    message.raw()
                except ValueError:
                    return
            assert messages.decode(type(message), messages.encode(message)) == message, "what is accepted survives encoding"

    def told(self, kind: Kind, request_id: int, body: bytes) -> None:
        try:
            self.gossip.told(self.peer, kind, request_id, body)
        except frames.ProtocolError:
            return

    def stream(self, data: bytes) -> None:
        if not self.left:
            self.renew()
        self.left -= 1
        inbox = Inbox(2 * MAX_FRAME)
        try:
            while data:
                room = inbox.room()
                part, data = data[: len(room)], data[len(room) :]
                room[: len(part)] = part
                inbox.filled(len(part))
                while (item := inbox.take()) is not None:
                    self.hear(item[0], item[1], bytes(item[2]))
        except frames.ProtocolError:
            return
        if self.left % 16 == 0:
            self.gossip.round()


def seeds() -> list[bytes]:
    """One frame of each kind: what the fuzzer begins with."""
    variant = Variant("ab" * 32, "file", 9, MBID, "flac")
    named = told.Advertised(mb_recording_id=MBID, variant_id="ab" * 32, length=9, verdict="suspect", quality_score=0.5, label="x")
    made = int(VirtualClock().wall().timestamp())
    seal = bytes(told._SEAL)

    def advert(**facts: object) -> bytes:
        return seal + messages.encode(told.Advert(made_at=made, **facts))

    known = told.Known(node_id="a" * 64, sequence=1)
    bodies: Sequence[tuple[Kind, bytes]] = (
        (Kind.HELLO, messages.encode(messages.Hello())),
        (Kind.CACHE_JOB, messages.question([MBID], messages.Constraints(preferred_codecs=["flac"], lossless=True))),
        (Kind.CACHE_JOB, messages.encode_offer([variant])),
        (Kind.DIGEST_PAGE_REQUEST, messages.encode(messages.DigestPageRequest(variant_id="ab" * 32, page=0))),
        (Kind.DIGEST_PAGE, messages.encode(messages.DigestPage.of("ab" * 32, 0, bytes(32)))),
        (Kind.ADVERT, advert(sequence=1, variants=[named])),
        (Kind.ADVERT, advert(sequence=2, base=1, gone=["ab" * 32])),
        (Kind.ADVERT_REQUEST, messages.encode(told.AdvertRequest(wanted=[known], others=True))),
        (Kind.DESCRIPTOR, messages.encode(told.Descriptor(variants=[named], slots=1, bandwidth_kbps=5, cache=True))),
        (Kind.DESCRIPTOR_QUERY, messages.encode(told.DescriptorQuery(recordings=[MBID]))),
        (Kind.PEERS, messages.encode(told.MeshPeers(peers=[told.ToldPeer(node_id="a" * 64, host="1.2.3.4", port=5)]))),
        (Kind.REACH_REQUEST, messages.encode(told.ReachRequest(port=5))),
        (Kind.REACH_ANSWER, messages.encode(told.ReachAnswer(reached=True))),
        (Kind.CHUNK_REQUEST, frames.ChunkRequest(1, "ab" * 32, 0, 65_536, 5, 9).encode()),
        (Kind.CHUNK_DATA, bytes(8) + b"abc"),
        (Kind.CHUNK_ERROR, frames.ChunkError(0, 3, "not_found").encode()),
        (Kind.CHUNK_CANCEL, frames.ChunkCancel(1, "timeout", ((0, 65_536),)).encode()),
    )
    return [frames.frame(kind, number, body) for number, (kind, body) in enumerate(bodies)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=0, help="inputs, 0 for no limit")
    parser.add_argument("--seconds", type=int, default=0, help="end after so long, 0 for no limit")
    options = parser.parse_args()
    corpus = Path(os.environ.get("FUZZ_CORPUS") or f"/tmp/slskdn-fuzz-{os.getpid()}")
    corpus.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    node, began, count = Node(), time.monotonic(), 0

    def one(data: bytes) -> None:
        nonlocal count
        count += 1
        node.stream(data)
        if count % 100_000 == 0:
            assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < RSS, "memory grows"
            print(f"{count} inputs, {time.monotonic() - began:.0f} s", flush=True)

    flags = [sys.argv[0], str(corpus), "-max_len=3000", f"-rss_limit_mb={RSS // 1024}", f"-artifact_prefix={Path(__file__).parent}/"]
    flags += ["-print_final_stats=1"]
    flags += [f"-runs={options.runs}"] if options.runs else []
    flags += [f"-max_total_time={options.seconds}"] if options.seconds else []
    atheris.Setup(flags, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
