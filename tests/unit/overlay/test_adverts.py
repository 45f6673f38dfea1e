"""Adverts and descriptors: byte for byte as docs/protocol/overlay.md has them, and hostile ones refused."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.content.digests import leaf_digest, variant_id
from slskdn_tui.engine.overlay.frames import HEADER, Kind, ProtocolError, frame
from slskdn_tui.engine.overlay.gossip.messages import (
    MAX_HOPS,
    MAX_VARIANTS,
    Advert,
    Advertised,
    AdvertRequest,
    Descriptor,
    DescriptorQuery,
    Known,
    MeshPeers,
    ReachAnswer,
    ReachRequest,
    ToldPeer,
    seal,
    unseal,
)
from slskdn_tui.engine.overlay.identity import NodeIdentity
from slskdn_tui.engine.overlay.messages import CacheJob, Constraints, RequestedTrack, decode, encode
from slskdn_tui.model.heard import HeardVariant, VerdictKind
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.variant import Variant

PAGE = (Path(__file__).parents[3] / "docs/protocol/overlay.md").read_text()
VECTORS = dict(re.split(r"\s{2,}", line, maxsplit=1) for line in PAGE.split("```text\n")[1].split("\n```")[0].splitlines())
MBID = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
RELEASE = "c0d0c0a4-4a26-4d74-9c02-67c9321b3b22"
ABC = variant_id("file", 3, [leaf_digest(b"abc")])
KEY = NodeIdentity.of(Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
HEARD = HeardVariant(
    Variant(ABC, "file", 3, MBID, "flac", "FLAC 16/44.1 2ch", 180_000, "", 0.5),
    "no_evidence",
    SafeText("grid-1"),
    0.25,
    11.0,
    SafeText("libFLAC 1.4.3"),
    SafeText("Creation"),
    RELEASE,
)
SNAPSHOT = Advert(sequence=1, made_at=1_767_225_600, variants=[Advertised.of(HEARD)])
DELTA = Advert(sequence=2, base=1, made_at=1_767_225_660, gone=[ABC])


def test_adverts_as_written_and_as_read() -> None:
    for name, advert in (("advert", SNAPSHOT), ("advert delta", DELTA)):
        raw = frame(Kind.ADVERT, 0, seal(advert, KEY).body)
        assert raw.hex() == VECTORS[name]
        read = unseal(bytes.fromhex(VECTORS[name])[HEADER.size :])
        assert (read.advert, read.node_id, read.hops) == (advert, VECTORS["node id"], 0)
    assert encode(SNAPSHOT).decode() == VECTORS["advert json"]
    assert unseal(seal(SNAPSHOT, KEY).body).advert.variants[0].heard() == HEARD


def test_other_control_bodies_both_ways() -> None:
    described = Descriptor(mb_release_id=RELEASE, variants=[Advertised.of(HEARD)], slots=4, bandwidth_kbps=3000, cache=True)
    wanted = [RequestedTrack(mb_recording_id=MBID)]
    constraints = Constraints(preferred_codecs=["flac", "mp3"], lossless=True)
    job = CacheJob(role="request", requested_tracks=wanted, ttl_s=60, mb_release_id=RELEASE, constraints=constraints)
    for name, message in (
        ("advert request", AdvertRequest(wanted=[Known(node_id=KEY.node_id, sequence=1)])),
        ("descriptor", described),
        ("descriptor query", DescriptorQuery(mb_release_id=RELEASE)),
        ("job constraints", job),
        ("mesh peers", MeshPeers(peers=[ToldPeer(node_id=KEY.node_id, host="203.0.113.7", port=50400)])),
        ("reach request", ReachRequest(port=50400)),
        ("reach answer", ReachAnswer(reached=True)),
    ):
        assert encode(message).decode() == VECTORS[name]
        assert decode(type(message), VECTORS[name].encode()) == message
    assert described.heard().variants == (HEARD,) and described.heard().cache


def test_nobody_can_change_an_advert_or_speak_for_another_node() -> None:
    body = seal(SNAPSHOT, KEY).body
    for place in (1, 33, 96, 97, len(body) - 1):
        forged = bytearray(body)
        forged[place] ^= 1
        with pytest.raises(ProtocolError):
            unseal(bytes(forged))
    other = NodeIdentity.ephemeral()
    with pytest.raises(ProtocolError, match="signature"):
        unseal(body[:1] + other.public_raw + body[33:])


def test_a_key_for_which_anybody_can_sign_speaks_for_nobody() -> None:
    text = encode(SNAPSHOT)
    for tail in (b"\0", b"\x80"):  # the neutral point of the curve, and the same with its sign bit set
        key = b"\1" + bytes(30) + tail
        forged = b"\1" + bytes(63)
        Ed25519PublicKey.from_public_bytes(key).verify(forged, b"whatever")  # nobody signed this, and it holds
        with pytest.raises(ProtocolError, match="anybody"):
            unseal(b"\0" + key + forged + text)


def test_an_advert_is_passed_on_three_times_and_stays_the_speaker_s() -> None:
    body = seal(SNAPSHOT, KEY).body
    for hops in range(1, MAX_HOPS + 1):
        body = unseal(body).passed_on()
        assert (unseal(body).hops, unseal(body).node_id) == (hops, KEY.node_id)
    with pytest.raises(ValueError, match="three times"):
        unseal(body).passed_on()
    with pytest.raises(ProtocolError):
        unseal(bytes((MAX_HOPS + 1,)) + body[1:])


@pytest.mark.parametrize(
    "change",
    [
        {"sequence": 0},
        {"sequence": 1.5},
        {"base": 1},
        {"ttl_s": 0},
        {"ttl_s": 86_401},
        {"made_at": -1},
        {"variants": [json.loads(VECTORS["advert json"])["variants"][0]] * (MAX_VARIANTS + 1)},
        {"variants": [{**json.loads(VECTORS["advert json"])["variants"][0], "verdict": "authentic"}]},
        {"variants": [{**json.loads(VECTORS["advert json"])["variants"][0], "quality_score": 1.1}]},
        {"variants": [{**json.loads(VECTORS["advert json"])["variants"][0], "label": "x" * 129}]},
        {"gone": ["00"]},
    ],
)
def test_adverts_out_of_bounds_are_refused_though_well_signed(change: dict[str, object]) -> None:
    text = json.dumps(json.loads(VECTORS["advert json"]) | change).encode()
    with pytest.raises(ProtocolError):
        unseal(b"\0" + KEY.public_raw + KEY.sign(b"slskdn-advert-v1\0" + text) + text)


@given(st.binary(max_size=300))
def test_any_bytes_are_an_advert_or_a_protocol_error(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        unseal(body)


@pytest.mark.parametrize(
    ("verdict", "suspect"), [("confirmed", True), ("suspect", True), ("no_evidence", False), ("untestable", None), ("not_tested", None), ("", None)]
)  # fmt: skip
def test_a_transcode_is_suspected_by_the_verdict_alone(verdict: VerdictKind, suspect: bool | None) -> None:
    assert HeardVariant(HEARD.variant, verdict).transcode_suspect is suspect
