"""Leaves that begin somewhere inside the file: which bytes they are, and what head and tail around them count for."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from slskdn_tui.engine.stored_views import progress
from slskdn_tui.engine.swarm.piecemap import MESH, SLSK, PieceMap, bitmap
from slskdn_tui.model.part import Extent, Layout, PartRecord
from slskdn_tui.model.variant import LEAF, Variant

layouts = st.builds(
    lambda start, length, tail: Layout(start + length + tail, start, length),
    st.integers(0, 3 * LEAF),
    st.integers(1, 5 * LEAF),
    st.integers(0, 2 * LEAF),
)


def bound(layout: Layout) -> PieceMap:
    pieces = PieceMap(layout.size)
    if layout.start:
        pieces.extend(0, layout.start, "slsk:anna")
    pieces.forget_verified(layout)
    return pieces


@settings(deadline=None)
@given(layouts)
def test_pieces_in_order_are_the_file(layout: Layout) -> None:
    offset, leaves = 0, []
    while offset < layout.size:
        leaf, stop = layout.at(offset)
        assert offset < stop <= layout.size
        if leaf is not None:
            assert layout.span(leaf) == (offset, stop)
            leaves.append(leaf)
        offset = stop
    assert leaves == list(range(layout.leaves))


@settings(deadline=None)
@given(layouts, st.integers(0, 8 * LEAF), st.integers(0, 8 * LEAF))
def test_touched_and_within_agree_with_the_spans(layout: Layout, one: int, other: int) -> None:
    start, stop = sorted((min(one, layout.size), min(other, layout.size)))
    spans = [layout.span(leaf) for leaf in range(layout.leaves)]
    assert list(layout.touched(start, stop)) == [i for i, (a, b) in enumerate(spans) if max(a, start) < min(b, stop)]
    assert list(layout.within(start, stop)) == [i for i, (a, b) in enumerate(spans) if start <= a and b <= stop]


@settings(deadline=None)
@given(layouts, st.data())
def test_every_byte_counts_once_and_the_file_is_whole_with_its_tail(layout: Layout, data: st.DataObject) -> None:
    pieces = bound(layout)
    assert pieces.done == layout.start and not pieces.complete and pieces.resume_offset() == layout.start
    order = data.draw(st.permutations(range(layout.leaves)))
    expected = layout.start
    for leaf in order:
        pieces.deliver(leaf, MESH)
        expected += pieces.length(leaf)
        assert pieces.done == expected and pieces.by_plane() == (layout.start, expected - layout.start)
    assert pieces.complete == (layout.tail == 0) and pieces.tail_only == (layout.tail > 0)
    assert pieces.resume_offset() == layout.stop and pieces.given_by("slsk:anna") == layout.start
    if layout.tail:
        half = layout.stop + layout.tail // 2
        pieces.extend(layout.stop, half, "slsk:bert")
        assert pieces.resume_offset() == half
        assert not pieces.complete and not pieces.has(layout.start, layout.size) and pieces.has(0, half)
        pieces.extend(half, layout.size, "slsk:bert")
    assert pieces.complete and pieces.done == layout.size and pieces.has(0, layout.size)
    assert pieces.given_by("slsk:bert") == layout.tail and set(pieces.codes()) <= set(b"om")


@settings(deadline=None)
@given(layouts, st.integers(0, 8 * LEAF))
def test_a_restart_takes_up_where_it_was(layout: Layout, more: int) -> None:
    pieces = bound(layout)
    if more := min(more, layout.length):
        pieces.extend(layout.start, layout.start + more, "slsk:anna")
    done = [*layout.within(0, pieces.prefix), *range(layout.leaves - 1, layout.leaves)]
    for leaf in dict.fromkeys(done):
        pieces.deliver(leaf, SLSK if pieces.source_of(leaf) else MESH)
    again = PieceMap(layout.size)
    again.forget_verified(layout)
    again.restore(bitmap(dict.fromkeys(done), layout.leaves), pieces.extents, pieces.prefix)
    assert (again.done, again.by_plane(), again.resume_offset()) == (pieces.done, pieces.by_plane(), pieces.resume_offset())
    assert again.codes() == pieces.codes()
    variant = Variant("ab" * 32, "region", layout.length, "")
    record = PartRecord(
        "j/1/5", "x", layout.size, pieces.prefix, tuple(pieces.extents), variant, b"", bitmap(done, layout.leaves), layout.start
    )
    assert record.layout == layout
    stored = progress(record, has_digests=True)
    assert len(stored.codes) == len(pieces.codes()) and pieces.done - LEAF < stored.done <= pieces.done


def test_the_stream_is_in_head_region_or_tail() -> None:
    layout = Layout(4 * LEAF + 300, 100, 4 * LEAF)
    pieces = bound(layout)
    pieces.stream, pieces.stream_rate = 100 + LEAF, LEAF
    assert pieces.floor == 1 and pieces.reach(1.0) == 3 and pieces.codes() == b"o.>..."[:5] + b"."
    pieces.stream = layout.stop
    assert pieces.floor == -1 and pieces.reach(1.0) == 0 and pieces.codes()[-1:] == b">"


def test_bytes_between_which_an_overlay_leaf_stood_are_not_the_origins() -> None:
    pieces = bound(Layout(4 * LEAF, 0, 4 * LEAF))
    pieces.extend(0, LEAF, "slsk:anna")
    pieces.deliver(0, SLSK)
    pieces.deliver(1, MESH)
    pieces.extend(2 * LEAF, 3 * LEAF, "slsk:anna")
    assert pieces.from_origin(0, LEAF) and pieces.from_origin(2 * LEAF, 3 * LEAF)
    assert not pieces.from_origin(LEAF, 2 * LEAF) and not pieces.from_origin(0, 3 * LEAF)
    pieces.forget_verified(None)
    assert pieces.prefix == LEAF and not pieces.complete, "a variant that was false leaves nothing of its own behind"
    assert [extent.source for extent in pieces.extents][:1] == ["slsk:anna"] and Extent(0, LEAF, "slsk:anna") in pieces.extents
