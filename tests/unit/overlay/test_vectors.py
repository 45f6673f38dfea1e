"""docs/protocol/overlay.md says byte for byte what goes over the wire."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from slskdn_tui.engine.content.digests import leaf_digest, variant_id
from slskdn_tui.engine.overlay.frames import (
    ERRORS,
    HEADER,
    REASONS,
    ChunkCancel,
    ChunkError,
    ChunkRequest,
    Kind,
    cap_of,
    data_head,
    frame,
    split_data,
)
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.mesh import FEATURES
from slskdn_tui.engine.overlay.messages import (
    CacheJob,
    DigestPage,
    DigestPageRequest,
    Hello,
    RequestedTrack,
    decode,
    encode,
    encode_offer,
)
from slskdn_tui.model.variant import Variant

PAGE = (Path(__file__).parents[3] / "docs/protocol/overlay.md").read_text()
VECTORS = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in PAGE.split("```text\n")[1].split("\n```")[0].splitlines())
MBID = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
LEAF_ABC = leaf_digest(b"abc")
ABC = variant_id("file", 3, [LEAF_ABC])


def test_node_id() -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
    assert key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo).hex() == VECTORS["spki"]
    assert NodeIdentity.of(key).node_id == VECTORS["node id"]


@pytest.mark.parametrize(
    ("name", "raw"),
    [
        ("ping", frame(Kind.PING, 7)),
        ("chunk_request", frame(Kind.CHUNK_REQUEST, 9, ChunkRequest(1, ABC, 0, 3, 5, 2000).encode())),
        ("chunk data", data_head(9, 0, 3) + b"abc"),
        ("chunk error", frame(Kind.CHUNK_ERROR, 9, ChunkError(0, 3, "not_found").encode())),
        ("chunk_cancel", frame(Kind.CHUNK_CANCEL, 10, ChunkCancel(1, "swarm_rebalanced", ((65_536, 65_536),)).encode())),
        ("chunk_cancel all", frame(Kind.CHUNK_CANCEL, 11, ChunkCancel(1, "complete").encode())),
        ("chunk cancelled", frame(Kind.CHUNK_CANCELLED, 10)),
    ],
)
def test_frames_as_written(name: str, raw: bytes) -> None:
    assert raw.hex() == VECTORS[name]


def test_frames_as_read() -> None:
    def body(name: str) -> bytes:
        raw = bytes.fromhex(VECTORS[name])
        assert HEADER.unpack_from(raw)[0] == len(raw) - HEADER.size
        return raw[HEADER.size :]

    assert ChunkRequest.decode(body("chunk_request")) == ChunkRequest(1, ABC, 0, 3, 5, 2000)
    assert split_data(memoryview(body("chunk data"))) == (0, b"abc")
    assert ChunkError.decode(body("chunk error")) == ChunkError(0, 3, "not_found")
    assert ChunkCancel.decode(body("chunk_cancel")) == ChunkCancel(1, "swarm_rebalanced", ((65_536, 65_536),))
    assert ChunkCancel.decode(body("chunk_cancel all")) == ChunkCancel(1, "complete")


def test_control_bodies_both_ways() -> None:
    hello = Hello(client="doc", features=["mesh", "chunk"], listen_port=50400)
    cache = Hello(client="doc", features=[*FEATURES, "cache"], critical=[], listen_port=50400)
    offered = Variant(ABC, "file", 3, MBID, "flac", "", None, "", 0.5)
    request = CacheJob(role="request", requested_tracks=[RequestedTrack(mb_recording_id=MBID)])
    wanted = DigestPageRequest(variant_id=ABC, page=0)
    page = DigestPage.of(ABC, 0, LEAF_ABC)
    for name, message in (
        ("mesh_hello", hello),
        ("cache hello", cache),
        ("job request", request),
        ("page request", wanted),
        ("page", page),
    ):
        assert encode(message).decode() == VECTORS[name]
        assert decode(type(message), VECTORS[name].encode()) == message
    assert encode_offer([offered]).decode() == VECTORS["job offer"]
    assert decode(CacheJob, VECTORS["job offer"].encode()).offers() == (offered,)


def test_the_page_s_numbers_are_the_program_s() -> None:
    rows = re.findall(r"^\| (.+?) \| ([\d, ]+) \| (\d+) (KiB|B)( \+ 64 B)? \|", PAGE, re.M)
    seen = {}
    for _, numbers, size, unit, more in rows:
        for number in numbers.split(", "):
            seen[int(number)] = int(size) * (1024 if unit == "KiB" else 1) + (64 if more else 0)
    assert seen == {int(kind): cap_of(kind) for kind in Kind}
    for number, code in enumerate(ERRORS[1:], 1):
        assert f"{number} `{code}`" in PAGE
    for number, reason in enumerate(REASONS[1:], 1):
        assert f"{number} `{reason}`" in PAGE
