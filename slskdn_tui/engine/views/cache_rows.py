"""The warm cache as rows, and all of it as it was stored. Shell over the tables."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from slskdn_tui.engine.store.library.cache_files import CacheFile
from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.cache import CacheRow, CacheView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey

DAYS = 7


async def stored_cache(store: Store | None, key: ViewKey) -> CacheView:
    """What the tables say, for an engine that does not run."""
    words = SafeText("no engine runs; what is held was stored")
    if store is None:
        return CacheView(0, words=words)
    files, pins = await store.cache_files.files(), await store.cache.pins()
    rows = [cache_row(file, 0, pinned=file.recording in pins) for file in files]
    return windowed(replace(await kept(store, files, pins), words=words), [*rows, *missing_pins(pins, rows)], key)


async def kept(store: Store, files: Iterable[CacheFile], pins: Iterable[str]) -> CacheView:
    since = (store.clock.wall().date() - timedelta(days=DAYS - 1)).isoformat()
    days = await store.cache.days(since)
    held = list(files)
    return CacheView(
        0,
        bytes=sum(file.size for file in held),
        days=DAYS,
        hits=sum(day.hits for day in days),
        bytes_served=sum(day.bytes_served for day in days),
        fetched=sum(day.fetched for day in days),
        bytes_fetched=sum(day.bytes_fetched for day in days),
        evicted=sum(day.evicted for day in days),
        held=len(held),
        pinned=len(list(pins)),
    )


def cache_row(file: CacheFile, peers: int, *, pinned: bool, sending: bool = False) -> CacheRow:
    return CacheRow(
        file.recording,
        0,
        file.recording,
        file.title or SafeText(file.recording),
        file.artist,
        "sending" if sending else "held" if file.settled else "checking",
        pinned,
        file.size,
        peers,
        file.hits,
        file.bytes_served,
        _moment(file.added_at),
        _moment(file.used_at),
        file.consensus,
    )


def missing_pins(pins: Iterable[str], rows: Sequence[CacheRow]) -> list[CacheRow]:
    """What is pinned and not here."""
    there = {row.recording for row in rows}
    note = SafeText("pinned: it is fetched as soon as it can be")
    return [CacheRow(name, 0, name, SafeText(name), state="wanted", pinned=True, note=note) for name in sorted(pins) if name not in there]


def windowed(view: CacheView, rows: Sequence[CacheRow], key: ViewKey) -> CacheView:
    wanted = key.filter.casefold().split()
    order = {"fetching": 0, "checking": 1, "sending": 1, "held": 1, "wanted": 2}
    found = [row for row in rows if all(word in f"{row.artist} {row.title} {row.state} {row.recording}".casefold() for word in wanted)]
    found.sort(key=lambda row: row.recording)
    found.sort(key=lambda row: row.used_at, reverse=True)
    found.sort(key=lambda row: order[row.state])
    return replace(view, rows=tuple(found[key.start : key.start + key.count]), total=len(found))


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
