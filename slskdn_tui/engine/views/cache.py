"""The view of the warm cache. Shell over the running engine."""

from __future__ import annotations

from dataclasses import replace

from slskdn_tui.engine.jobs.wanted.for_cache import better_variant, for_cache
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.views.cache_rows import cache_row, kept, missing_pins, windowed
from slskdn_tui.model.cache import CacheRow, CacheView
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.model.views import ViewKey


async def cache_view(engine: Parts, key: ViewKey) -> CacheView:
    shelf, fetcher, rules = engine.warm.shelf, engine.warm.fetcher, engine.warm.rules
    await shelf.flush()
    peers = fetcher.peers if fetcher is not None else {}
    job = fetcher.job if fetcher is not None else None
    coming = for_cache(job.record) if job is not None else ""
    better = job is not None and bool(better_variant(job.record))
    rows = [
        cache_row(file, peers.get(file.recording, 0), pinned=file.recording in shelf.pins, sending=shelf.reading[file.recording] > 0)
        for file in shelf.files()
        if better or file.recording != coming
    ]
    if job is not None:
        live = job.tracks[0]
        note = job.record.error or (f"{live.done:.0%} is here" if live.done else live.why or live.state.value)
        if better:
            words = SafeText(f"a better copy of it comes: {note}")
            rows = [replace(row, note=words) if row.recording == coming else row for row in rows]
        row = CacheRow(coming, 0, coming, live.track.title, job.record.release.artist, "fetching", coming in shelf.pins)
        rows += [] if better else [replace(row, size=live.record.size, peers=peers.get(coming, 0), note=SafeText(note))]
    view = await kept(engine.store, shelf.files(), shelf.pins)
    view = replace(
        view,
        on=shelf.on,
        words=SafeText(_words(engine)),
        folder=SafeText(str(shelf.folder), 4096),
        most=rules.most,
        threshold=rules.threshold,
        eviction=rules.order,
        keep_days=rules.keep_days,
    )
    return windowed(view, [*rows, *missing_pins(shelf.pins, rows)], key)


def _words(engine: Parts) -> str:
    shelf, fetcher = engine.warm.shelf, engine.warm.fetcher
    if not shelf.on:
        return "off: nothing is fetched or served" + (f"; {counted(len(shelf.files()), 'recording')} stay on disk" if shelf.files() else "")
    if shelf.trouble:
        return f"nothing is served: {shelf.trouble}"
    verdict = engine.governor.verdict()
    if not verdict.may_upload:
        return f"sends nothing for now: {verdict.why}"
    if fetcher is not None and fetcher.words:
        return f"on; {fetcher.words}"
    return "on" if fetcher is not None and fetcher.job is not None else "on; nothing that is wanted is missing"
