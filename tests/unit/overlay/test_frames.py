"""The frame codec: what goes in comes out, and what is over a cap is refused before anything is allocated."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.overlay.frames import (
    CONTROL_CAP,
    ERRORS,
    HEADER,
    REASONS,
    ChunkCancel,
    ChunkError,
    ChunkRequest,
    Kind,
    ProtocolError,
    cap_of,
    data_head,
    frame,
    split_data,
    valid_range,
)
from slskdn_tui.engine.overlay.inbox import Inbox
from slskdn_tui.model.variant import LEAF

U16, U32, U64 = st.integers(0, 2**16 - 1), st.integers(0, 2**32 - 1), st.integers(0, 2**64 - 1)
HEX = st.binary(min_size=32, max_size=32).map(bytes.hex)
KINDS = st.sampled_from([int(kind) for kind in Kind])


def feed(inbox: Inbox, stream: bytes, pieces: list[int]) -> list[tuple[int, int, bytes]]:
    """Frames that come out when `stream` arrives in pieces of these sizes (cycled)."""
    frames, at, turn = [], 0, 0
    while at < len(stream):
        room = inbox.room()
        size = min(len(room), pieces[turn % len(pieces)], len(stream) - at)
        turn += 1
        room[:size] = stream[at : at + size]
        inbox.filled(size)
        at += size
        while (item := inbox.take()) is not None:
            frames.append((item[0], item[1], bytes(item[2])))
    return frames


@given(U32, HEX, U64, U32, st.integers(0, 10), U32)
def test_chunk_requests_round_trip(transfer: int, variant: str, offset: int, length: int, priority: int, deadline: int) -> None:
    wanted = ChunkRequest(transfer, variant, offset, length, priority, deadline)
    assert ChunkRequest.decode(wanted.encode()) == wanted
    assert len(wanted.encode()) <= cap_of(Kind.CHUNK_REQUEST)
    assert ChunkRequest.decode(wanted.encode() + b"later") == wanted


@given(U64, U32, st.sampled_from(ERRORS[1:]))
def test_chunk_errors_round_trip(offset: int, length: int, code: str) -> None:
    assert ChunkError.decode(ChunkError(offset, length, code).encode()) == ChunkError(offset, length, code)


@given(U32, st.sampled_from(REASONS[1:]), st.lists(st.tuples(U64, U32), max_size=64).map(tuple))
def test_cancels_round_trip(transfer: int, reason: str, ranges: tuple[tuple[int, int], ...]) -> None:
    assert ChunkCancel.decode(ChunkCancel(transfer, reason, ranges).encode()) == ChunkCancel(transfer, reason, ranges)


@given(U32, U64, st.binary(min_size=1, max_size=200))
def test_data_round_trips_without_copy(request_id: int, offset: int, leaf: bytes) -> None:
    raw = data_head(request_id, offset, len(leaf)) + leaf
    inbox = Inbox()
    ((kind, seen_id, body),) = feed(inbox, raw, [len(raw)])
    assert (kind, seen_id) == (Kind.CHUNK_DATA, request_id)
    seen, data = split_data(memoryview(body))
    assert seen == offset and data == leaf and isinstance(data, memoryview)


@given(
    st.lists(st.tuples(KINDS, U32, st.binary(max_size=60)), max_size=30),
    st.lists(st.integers(1, 3000), min_size=1, max_size=8),
)
def test_frames_survive_any_cutting(frames: list[tuple[int, int, bytes]], pieces: list[int]) -> None:
    stream = b"".join(frame(kind, request_id, body) for kind, request_id, body in frames)
    assert feed(Inbox(), stream, pieces) == frames


def test_a_long_stream_of_full_leaves_wraps_around_the_buffer() -> None:
    leaf = bytes(range(256)) * 256
    stream = b"".join(data_head(i, i * LEAF, LEAF) + leaf for i in range(40))
    frames = feed(Inbox(), stream, [70_001, 1, 262_144, 9, 33])
    assert [request_id for _, request_id, _ in frames] == list(range(40))
    assert all(body[8:] == leaf for _, _, body in frames)


@given(st.binary(max_size=4000), st.lists(st.integers(1, 500), min_size=1, max_size=5))
def test_noise_is_refused_or_ignored_never_worse(noise: bytes, pieces: list[int]) -> None:
    try:
        for kind, _, body in feed(Inbox(), noise, pieces):
            assert len(body) <= cap_of(kind)
            for decoder in (ChunkRequest, ChunkError, ChunkCancel):
                try:
                    decoder.decode(body)
                except ProtocolError:
                    pass
    except ProtocolError:
        pass


@pytest.mark.parametrize("kind", [*Kind, 7, 200])
def test_a_header_over_its_cap_is_refused_before_the_body_comes(kind: int) -> None:
    inbox = Inbox()
    raw = HEADER.pack(cap_of(kind) + 1, kind, 1)
    inbox.room()[: len(raw)] = raw
    inbox.filled(len(raw))
    with pytest.raises(ProtocolError, match="over its cap"):
        inbox.take()
    with pytest.raises(ValueError):
        frame(kind, 1, bytes(cap_of(kind) + 1))


def test_caps_are_the_design_s() -> None:
    assert (cap_of(Kind.HELLO), cap_of(Kind.CHUNK_REQUEST), cap_of(Kind.CHUNK_DATA)) == (4096, 128, LEAF + 64)
    assert cap_of(Kind.CACHE_JOB) == cap_of(99) == CONTROL_CAP == 65_536


def test_an_unknown_frame_of_control_size_passes_through() -> None:
    assert feed(Inbox(), frame(99, 5, b"later"), [100]) == [(99, 5, b"later")]


@pytest.mark.parametrize(
    ("offset", "length", "size", "good"),
    [
        (0, LEAF, LEAF, True),
        (0, 16 * LEAF, 100 * LEAF, True),
        (0, 17 * LEAF, 100 * LEAF, False),
        (LEAF, 10, LEAF + 10, True),
        (LEAF, 10, LEAF + 11, False),
        (1, LEAF, 100 * LEAF, False),
        (0, 0, 100, False),
        (0, 100, 100, True),
        (LEAF, LEAF, LEAF + 10, False),
        (2**63, LEAF, 100 * LEAF, False),
    ],
)
def test_ranges_are_whole_leaves_inside_the_variant(offset: int, length: int, size: int, good: bool) -> None:
    assert valid_range(offset, length, size) is good


def test_a_cancel_that_promises_more_ranges_than_it_has_is_refused() -> None:
    with pytest.raises(ProtocolError):
        ChunkCancel.decode(struct.pack(">IBH", 1, 1, 3) + bytes(12))
    with pytest.raises(ProtocolError):
        ChunkCancel.decode(struct.pack(">IBH", 1, 1, 65_535) + bytes(12 * 65_535))
