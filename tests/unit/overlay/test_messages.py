"""Control messages: unknown fields ignored, hostile ones refused."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.overlay.frames import CONTROL_CAP, ProtocolError
from slskdn_tui.engine.overlay.messages import CacheJob, DigestPage, Hello, RequestedTrack, decode, encode, encode_offer
from slskdn_tui.model.variant import Variant

MBID = "5b11f4ce-a62d-471e-81fc-a69a8278c7da"
VARIANT = Variant("ab" * 32, "file", 1000, MBID, "flac", "16/44.1/2", 180_000, "00" * 34, 0.9)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=30,
)


def test_hello_round_trips_and_ignores_what_it_does_not_know() -> None:
    hello = Hello(client="x", features=["mesh", "telepathy"], soulseek_name="ann", listen_port=5)
    raw = json.loads(encode(hello))
    assert decode(Hello, json.dumps(raw | {"later": {"a": [1]}}).encode()) == hello
    assert hello.problem() == ""


def test_unknown_critical_features_and_other_versions_are_refused_with_words() -> None:
    assert "telepathy" in Hello(critical=["telepathy"]).problem()
    assert "2 to 3" in Hello(version_min=2, version_max=3).problem()
    assert Hello(critical=["chunk"], version_min=1, version_max=9).problem() == ""


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"\xff\xfe",
        b'{"magic":"SLSKDNM1"}',
        b'{"features":' + json.dumps(["x" * 25]).encode() + b"}",
        b'{"features":' + json.dumps(["x"] * 33).encode() + b"}",
        b'{"client":"' + b"x" * 65 + b'"}',
        b'{"listen_port":70000}',
        b'{"listen_port":"80"}',
        b'{"listen_port":NaN}',
        b'{"x":' + b"[" * 8 + b"]" * 8 + b"}",
        b"[" * 60_000,
        b'{"client":"\\ud800"}',
        b'{"limits":7}',
        b'{"limits":{"requests":true}}',
        b'{"features":"mesh"}',
        b'{"x":' + b"9" * 60_000 + b"}",
    ],
)
def test_malformed_hellos_are_refused(body: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(Hello, body)


@given(JSON)
def test_any_json_is_a_message_or_a_protocol_error(value: object) -> None:
    body = json.dumps(value).encode()
    for model in (Hello, CacheJob, DigestPage):
        try:
            decode(model, body)
        except ProtocolError:
            pass


def test_offers_round_trip_and_bad_ones_are_dropped_one_by_one() -> None:
    body = json.loads(encode_offer([VARIANT]))
    good = dict(body["offered_tracks"][0])
    for change in (
        {"variant_id": "AB" * 32},
        {"length": 0},
        {"length": 2**50},
        {"kind": "folder"},
        {"mb_recording_id": "x"},
        {"quality_score": 2},
        {"streaminfo": "zz"},
    ):
        body["offered_tracks"].append(good | change)
    body["offered_tracks"] += [None, 7, []]
    assert decode(CacheJob, json.dumps(body).encode()).offers() == (VARIANT,)


def test_a_name_in_an_offer_cannot_reach_the_terminal() -> None:
    body = json.loads(encode_offer([VARIANT]))
    body["offered_tracks"][0]["codec"] = "fl\x1b]52;c;x\x07ac"
    (variant,) = decode(CacheJob, json.dumps(body).encode()).offers()
    assert "\x1b" not in variant.codec and "\x07" not in variant.codec


def test_an_offer_of_more_than_a_frame_holds_is_cut_to_what_fits() -> None:
    many = [Variant(f"{i:064x}", "file", 1000 + i, MBID, "flac", "p" * 60, 1, "11" * 34, 0.5) for i in range(1000)]
    body = encode_offer(many)
    offered = decode(CacheJob, body).offers()
    assert len(body) <= CONTROL_CAP and 50 < len(offered) <= 500 and offered[0] == many[0]


def test_an_empty_file_cannot_be_offered() -> None:
    assert decode(CacheJob, encode_offer([Variant("ab" * 32, "file", 0, MBID), VARIANT])).offers() == (VARIANT,)


def test_a_request_names_recordings_only() -> None:
    with pytest.raises(ProtocolError):
        decode(CacheJob, b'{"role":"request","requested_tracks":[{"mb_recording_id":"../../etc"}]}')
    job = CacheJob(role="request", requested_tracks=[RequestedTrack(mb_recording_id=MBID)])
    assert decode(CacheJob, encode(job)) == job


def test_digest_pages_carry_their_bytes() -> None:
    page = DigestPage.of("ab" * 32, 3, bytes(range(64)))
    assert decode(DigestPage, encode(page)).raw() == bytes(range(64))
    assert DigestPage.of("ab" * 32, 3, b"").error == "not_found"
    with pytest.raises(ValueError):
        DigestPage(variant_id="ab" * 32, page=0, digests="***").raw()


def test_a_message_says_which_field_is_wrong_and_does_not_change() -> None:
    with pytest.raises(ProtocolError, match="malformed Hello: limits: requests"):
        decode(Hello, b'{"limits":{"requests":0}}')
    with pytest.raises(ValueError, match="mb_recording_id is missing"):
        RequestedTrack.read({})
    with pytest.raises(ValueError, match="no field nick"):
        Hello(nick="ann")  # type: ignore[call-arg]
    with pytest.raises(AttributeError):
        Hello().client = "later"  # type: ignore[misc]
