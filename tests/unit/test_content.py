"""What bytes are called: leaf digests, pages and variant ids, as docs/protocol/content.md writes them down."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slskdn_tui.engine.content.digests import LeafDigests, join_digests, leaf_digest, page_digest, split_page, variant_id
from slskdn_tui.model.variant import LEAF, Variant

PAGE = (Path(__file__).parents[2] / "docs/protocol/content.md").read_text()
ROWS = re.findall(r"^\| (leaf|page \d|variant \w+) \| `(.+?)` \| `([0-9a-f]{64})` \|", PAGE, re.M)


def data_of(name: str) -> bytes:
    if match := re.fullmatch(r"(pattern|zeros)\((\d+)\)", name):
        count = int(match[2])
        return bytes(count) if match[1] == "zeros" else bytes(i % 251 for i in range(count))
    return name.encode()


def leaves_of(data: bytes) -> list[bytes]:
    return [leaf_digest(data[at : at + LEAF]) for at in range(0, len(data), LEAF)]


def test_the_page_has_vectors_of_every_level() -> None:
    assert {what.split()[0] for what, _, _ in ROWS} == {"leaf", "page", "variant"} and len(ROWS) == 8


@pytest.mark.parametrize(("what", "name", "digest"), ROWS)
def test_vectors(what: str, name: str, digest: str) -> None:
    data = data_of(name)
    level, _, which = what.partition(" ")
    if level == "leaf":
        assert leaf_digest(data).hex() == digest
    elif level == "page":
        assert page_digest(int(which), leaf_digest(data)).hex() == digest
    else:
        assert variant_id(which, len(data), leaves_of(data)) == digest


@given(st.integers(0, 3 * LEAF + 7), st.lists(st.integers(1, 100_000), min_size=1, max_size=5))
def test_a_stream_cut_anyhow_has_one_name(size: int, pieces: list[int]) -> None:
    data = data_of(f"pattern({size})")
    stream, at, turn = LeafDigests(), 0, 0
    while at < size:
        step = pieces[turn % len(pieces)]
        stream.update(data[at : at + step])
        at += step
        turn += 1
    assert stream.finish("file") == variant_id("file", size, leaves_of(data))
    assert stream.length == size and stream.leaves == leaves_of(data)


def test_every_change_changes_the_name() -> None:
    data = data_of("pattern(200000)")
    digests = leaves_of(data)
    names = {
        variant_id("file", 200_000, digests),
        variant_id("region", 200_000, digests),
        variant_id("file", 199_999, digests),
        variant_id("file", 200_000, digests[::-1]),
        variant_id("file", 200_000, [*digests[:-1], digests[0]]),
    }
    assert len(names) == 5


def test_digests_that_do_not_cover_the_length_have_no_name() -> None:
    for length, count in ((LEAF, 2), (LEAF + 1, 1), (0, 1)):
        with pytest.raises(ValueError):
            variant_id("file", length, [bytes(32)] * count)


def test_pages_split_and_join() -> None:
    digests = leaves_of(data_of("pattern(150000)"))
    assert list(split_page(join_digests(digests))) == digests
    for bad in (bytes(31), bytes(33), bytes(513 * 32)):
        with pytest.raises(ValueError):
            split_page(bad)


def test_a_variant_counts_its_leaves_and_pages() -> None:
    variant = Variant("00" * 32, "file", 513 * LEAF, "")
    assert (variant.leaves, variant.pages) == (513, 2)
    assert Variant("00" * 32, "file", 1, "").leaves == 1
