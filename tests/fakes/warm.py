"""Fixed snapshots of a warm cache, for tests and the docs' pictures. Core."""

from __future__ import annotations

from typing import Any

from slskdn_tui.model.cache import CacheRow, CacheView
from slskdn_tui.model.text import SafeText as T

RECORDINGS = tuple(f"{digit * 8}-a62d-471e-81fc-a69a8278c7da" for digit in "5b3e9a")


def _row(index: int, title: str, artist: str, size: float, peers: int, hits: int, sent: float, **more: Any) -> CacheRow:
    return CacheRow(
        RECORDINGS[index], 1, RECORDINGS[index], T(title), T(artist), size=int(size * 1e6), peers=peers, hits=hits, bytes_served=int(sent * 1e6),
        added_at="2026-11-02T18:12:00+00:00", **more,
    )  # fmt: skip


def cache() -> CacheView:
    """On, six recordings: one being fetched, one being sent, two pinned."""
    rows = (
        _row(0, "Roygbiv", "Boards of Canada", 18.2, 12, 0, 0, state="fetching", note=T("41% is here")),
        _row(
            1, "Blue in Green", "Miles Davis", 138, 31, 46, 6348, state="sending", pinned=True, used_at="2026-11-22T21:04:00+00:00",
            note=T("the same copy as 9 peers"),
        ),
        _row(2, "When You Sleep", "My Bloody Valentine", 26.8, 24, 19, 509, used_at="2026-11-22T20:31:00+00:00", note=T("the same copy as 3 peers")),
        _row(3, "Archangel", "Burial", 24.1, 17, 8, 193, used_at="2026-11-20T11:02:00+00:00", note=T("nobody else tells of this very copy")),
        _row(4, "Xtal", "Aphex Twin", 31.5, 9, 2, 63, used_at="2026-11-12T08:45:00+00:00", note=T("the same copy as 1 peer")),
        CacheRow(
            RECORDINGS[5], 1, RECORDINGS[5], T(RECORDINGS[5]), state="wanted", pinned=True, note=T("pinned: it is fetched as soon as it can be")
        ),
    )  # fmt: skip
    return CacheView(
        1, on=True, words=T("on; waits until nobody searches"), folder=T("/home/alice/.local/share/slskdn-tui/warm"), bytes=220_400_000,
        most=50_000_000_000, threshold=10, hits=61, bytes_served=6_900_000_000, fetched=3, bytes_fetched=82_400_000, evicted=1, held=4, pinned=2,
        rows=rows, total=len(rows),
    )  # fmt: skip


def off() -> CacheView:
    """As it is at first."""
    return CacheView(1, words=T("off: nothing is fetched or served"), most=50_000_000_000, threshold=10)
