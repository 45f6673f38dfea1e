"""The piece map under any order of events: nothing is lost, nothing counted twice, two directions meet."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from slskdn_tui.engine.swarm.piecemap import DONE, FREE, MESH, SLSK, TAKEN, PieceMap, bitmap, bits, cells, runs
from slskdn_tui.model.part import Extent, Layout
from slskdn_tui.model.variant import LEAF


class Pieces(RuleBasedStateMachine):
    """Peers take, give back, deliver and spoil leaves while an origin streams; a plain set of facts is the model."""

    def __init__(self) -> None:
        super().__init__()
        self.map = PieceMap(20 * LEAF + 17, digests=True)
        self.map.stream = 0
        self.done: set[int] = set()
        self.held: dict[int, set[str]] = {}

    @rule(leaf=st.integers(0, 20), node=st.sampled_from("abc"))
    def take(self, leaf: int, node: str) -> None:
        held = self.held.get(leaf, set())
        if leaf in self.done or node in held or len(held) >= 2:
            with pytest.raises(ValueError, match="cannot be asked"):
                self.map.take(leaf, node)
        else:
            self.map.take(leaf, node)
            self.held.setdefault(leaf, set()).add(node)

    @rule(leaf=st.integers(0, 20), node=st.sampled_from("abc"))
    def give_back(self, leaf: int, node: str) -> None:
        self.map.give_back(leaf, node)
        self.held.get(leaf, set()).discard(node)

    @rule(leaf=st.integers(0, 20), plane=st.sampled_from([SLSK, MESH]))
    def deliver(self, leaf: int, plane: int) -> None:
        assert set(self.map.deliver(leaf, plane)) == self.held.pop(leaf, set())
        self.done.add(leaf)

    @rule(leaf=st.integers(0, 20))
    def fail(self, leaf: int) -> None:
        if leaf not in self.held:
            self.map.fail(leaf)
            self.done.discard(leaf)

    @precondition(lambda self: self.map.prefix < self.map.size)
    @rule(size=st.integers(1, 3 * LEAF))
    def stream(self, size: int) -> None:
        start = self.map.prefix
        stop = min(start + size, self.map.size)
        self.map.extend(start, stop, "slsk:anna")
        self.map.stream = stop if stop < self.map.size else None

    @invariant()
    def the_map_says_what_happened(self) -> None:
        pieces = self.map
        for leaf in range(pieces.leaves):
            expected = DONE if leaf in self.done else TAKEN if self.held.get(leaf) else FREE
            assert pieces.status[leaf] == expected
        assert pieces.verified == sum(pieces.length(leaf) for leaf in self.done)
        assert pieces.missing() == sum(pieces.length(leaf) for leaf in range(pieces.leaves) if pieces.status[leaf] == FREE)
        assert pieces.complete == (len(self.done) == pieces.leaves)
        assert sum(pieces.by_plane()) == pieces.done <= pieces.size
        codes = pieces.codes()
        assert len(codes) == pieces.leaves and set(codes) <= set(b".om>x")
        assert set(bits(bitmap(self.done, pieces.leaves), pieces.leaves)) == self.done

    @invariant()
    def an_origin_would_resume_at_the_first_gap(self) -> None:
        at = self.map.resume_offset()
        missing = [leaf for leaf in range(self.map.leaves) if leaf not in self.done]
        if not missing:
            assert at == self.map.size
        else:
            start, stop = self.map.span(missing[0])
            assert start <= at < stop and self.map.has(0, start)


TestPieces = Pieces.TestCase
TestPieces.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(st.integers(1, 3 * LEAF), max_size=12), st.integers(1, 10 * LEAF))
def test_extents_tell_who_sent_each_byte_of_the_prefix(sizes: list[int], size: int) -> None:
    pieces = PieceMap(size)
    at = 0
    expected: list[Extent] = []
    for number, length in enumerate(sizes):
        stop = min(at + length, size)
        if stop == at:
            break
        source = f"slsk:user{number // 2}"
        pieces.extend(at, stop, source)
        if expected and expected[-1].source == source:
            expected[-1] = Extent(expected[-1].start, stop, source)
        else:
            expected.append(Extent(at, stop, source))
        at = stop
    assert (pieces.prefix, pieces.extents) == (at, expected)
    assert pieces.complete == (at == size) and pieces.resume_offset() == at


def test_a_hole_in_the_prefix_is_refused() -> None:
    pieces = PieceMap(4 * LEAF)
    pieces.extend(0, 100, "slsk:anna")
    with pytest.raises(ValueError, match="hole"):
        pieces.extend(101, 200, "slsk:anna")


def test_a_second_origin_goes_on_behind_what_the_overlay_verified() -> None:
    pieces = PieceMap(8 * LEAF, digests=True)
    pieces.extend(0, LEAF + 10, "slsk:anna")
    for leaf in range(5):
        pieces.deliver(leaf, MESH)
    assert pieces.resume_offset() == 5 * LEAF
    pieces.extend(5 * LEAF, 6 * LEAF, "slsk:bert")
    assert [extent.source for extent in pieces.extents] == ["slsk:anna", "slsk:bert"]


def test_a_leaf_is_kept_for_soulseek_until_a_proof_holds_whichever_variant_it_is() -> None:
    pieces = PieceMap(3 * LEAF, digests=True)
    pieces.reserve(True, 1)
    for leaf in (0, 2):
        pieces.deliver(leaf, MESH)
    assert pieces.held and pieces.status[1] == TAKEN
    pieces.forget_verified(Layout.whole(3 * LEAF))
    pieces.reserve(True)
    for leaf in (1, 2):
        pieces.deliver(leaf, MESH)
    assert pieces.held and pieces.status[0] == TAKEN
    pieces.reserve(False)
    assert not pieces.held and pieces.status[0] == FREE


def test_a_record_restores_the_map() -> None:
    pieces = PieceMap(10 * LEAF, digests=True)
    pieces.restore(bitmap({0, 7, 9}, 10), [Extent(0, 2 * LEAF, "slsk:anna")], 2 * LEAF)
    assert [leaf for leaf in range(10) if pieces.status[leaf] == DONE] == [0, 7, 9]
    assert pieces.codes() == b"o......m.m"


@given(st.binary(min_size=1, max_size=300).map(lambda raw: bytes(b".om>x"[char % 5] for char in raw)), st.integers(1, 200))
def test_the_chunk_map_fits_any_width(codes: bytes, width: int) -> None:
    text = cells(codes, width)
    assert len(text) == width and set(text) <= set(".om>x")
    if set(codes) <= {ord("m"), ord("o")}:
        assert not set(text) & set(".>x")
    if width == len(codes):
        assert text == codes.decode()


@given(st.sets(st.integers(0, 200)))
def test_runs_cover_exactly_what_they_were_made_of(leaves: set[int]) -> None:
    found = runs(leaves)
    assert {leaf for first, count in found for leaf in range(first, first + count)} == leaves
    assert all(a[0] + a[1] < b[0] for a, b in itertools.pairwise(found))
