"""The warm cache: how it stands, its recordings as rows, one of them in detail. Core."""

from __future__ import annotations

from typing import Any

from slskdn_tui.model.cache import CacheRow, CacheView
from slskdn_tui.ui.present import format as fmt
from slskdn_tui.ui.present.base import Cell, Column, Flat, Glyphs, Line, crop, fit, spread, wrap

KEYS = "o on/off  z size  t threshold  p pin  P unpin  m move  x let go"
_STATES = {"held": "", "sending": "states.active", "checking": "states.active", "fetching": "states.active", "wanted": "colors.warning"}
_ORDERS = {"popularity": "the least wanted goes first", "lru": "what was not sent for longest goes first"}


class CachePresenter(Flat):
    """What is held, how many want it, what it has given."""

    columns: tuple[Column, ...] = (
        Column("title", "RECORDING", 0, least=20),
        Column("state", "STATE", 13),
        Column("size", "SIZE", 8, "right", drop=2),
        Column("peers", "PEERS", 6, "right"),
        Column("hits", "SERVED", 7, "right"),
        Column("sent", "SENT", 8, "right"),
        Column("used", "LAST SENT", 17, drop=3),
    )

    def __init__(self, glyphs: Glyphs) -> None:
        self.glyphs = glyphs

    def cells(self, row: CacheRow) -> dict[str, Cell]:
        dash = self.glyphs.dash
        return {
            "title": Cell(_name(row)),
            "state": Cell(_state(row), "states.done" if row.pinned and row.state == "held" else _STATES[row.state]),
            "size": Cell(fmt.size(row.size) if row.size else dash, "" if row.size else "colors.dim"),
            "peers": Cell(f"{row.peers}", "" if row.peers else "colors.dim"),
            "hits": Cell(f"{row.hits}" if row.hits else dash, "" if row.hits else "colors.dim"),
            "sent": Cell(fmt.size(row.bytes_served) if row.bytes_served else dash, "sources.mesh" if row.bytes_served else "colors.dim"),
            "used": Cell(fmt.day(row.used_at) if row.hits else dash, "colors.dim"),
        }

    def sort_key(self, row: CacheRow, column: str) -> Any:
        return {
            "title": _name(row).casefold(),
            "state": row.state,
            "size": row.size,
            "peers": row.peers,
            "hits": row.hits,
            "sent": row.bytes_served,
            "used": row.used_at,
        }[column]

    def words(self, row: CacheRow) -> str:
        return f"{row.artist} {row.title} {row.state} {'pinned' if row.pinned else ''} {row.recording}"


def _state(row: CacheRow) -> str:
    """What it does now, and that it stays; what is wanted is so because it is pinned."""
    if not row.pinned or row.state == "wanted":
        return row.state
    return "pinned" if row.state == "held" else f"pin, {row.state}"


def _name(row: CacheRow) -> str:
    return f"{row.artist} – {row.title}" if row.artist else str(row.title)


def cache_empty(view: CacheView | None) -> tuple[str, ...]:
    """What an empty list says."""
    if view is not None and not view.on:
        return ("The cache is off.", "Press o to keep what many peers want: it is fetched once, and served over the mesh.")
    return ("Nothing is held yet.", "What enough peers ask for is fetched by itself; p pins a recording of your choice.")


def cache_lines(view: CacheView | None, width: int, glyphs: Glyphs, *, short: bool = False) -> list[Line]:
    """How the cache stands, its limits, what it gave, and the keys."""
    if view is None:
        return [crop(((" Cache", "colors.title"), (f" {glyphs.crumb} waiting for the engine", "colors.dim")), width, glyphs.ellipsis)]
    first, *rest = wrap(str(view.words), max(10, width - 10)) or [""]
    style = "states.done" if view.on and view.words.startswith("on") else "colors.dim" if not view.on else "colors.warning"
    out: list[Line] = [((" Cache", "colors.title"), (f" {glyphs.crumb} ", "colors.dim"), (first, style))]
    out += [((" " * 9 + line, style),) for line in rest[:2]]
    if short:
        return out
    share = view.bytes / view.most if view.most else 0.0
    held = f" Holds    {fmt.plural(view.held, 'recording')}, {fmt.size(view.bytes)} of {fmt.size(view.most)}"
    filled, left = fmt.bar(share, 12, glyphs, "colors.warning" if share > 0.95 else "states.active")
    out.append(((held + "  ", ""), filled, left, (f"  {view.pinned} pinned" if view.pinned else "", "")))
    out.append(((f" Takes    what {fmt.plural(view.threshold, 'peer wants', 'peers want')}; {_ORDERS[view.eviction]}", ""),))
    given = f" {view.days} days   {fmt.plural(view.hits, 'peer')} served, {fmt.size(view.bytes_served)} sent"
    out.append(((f"{given}; {view.fetched} fetched ({fmt.size(view.bytes_fetched)}), {view.evicted} let go", ""),))
    out.append(((f" Keys     {KEYS}", "colors.dim"),))
    return [crop(line, width, glyphs.ellipsis) for line in out]


def cached_lines(row: CacheRow | None, width: int, height: int, glyphs: Glyphs) -> list[Line]:
    """One recording in detail."""
    if row is None:
        return [(), ((" Put the cursor on a recording to see", "colors.dim"),), ((" what is known of it here.", "colors.dim"),)]
    inner = max(10, width - 2)
    title = fit(str(row.title), max(4, width - len(row.state) - 4), "left", glyphs.ellipsis).rstrip()
    out: list[Line] = [spread(((f" {title}", "colors.title"),), ((f"{row.state} ", _STATES[row.state]),), width)]
    out += [((f" {row.artist}", ""),), ((f" {row.recording}", "colors.dim"),), ()]

    def fact(name: str, text: str, style: str = "") -> None:
        if text:
            first, *rest = wrap(text, max(8, inner - 11)) or [""]
            out.append(((f" {name:<11}", "colors.dim"), (first, style)))
            out.extend([((" " * 12 + more, style),) for more in rest[:3]])

    fact("pinned", "it stays for ever" if row.pinned else "", "states.done")
    fact("size", fmt.size(row.size) if row.size else "")
    fact("popular", f"{fmt.plural(row.peers, 'peer')} want or have it")
    fact("served", f"{fmt.plural(row.hits, 'peer')}, {fmt.size(row.bytes_served)}" if row.hits else "nobody yet")
    fact("last sent", fmt.day(row.used_at) if row.hits else "")
    fact("here since", fmt.day(row.added_at))
    fact("copy", str(row.note))
    return [crop(line, width, glyphs.ellipsis) for line in out[:height]]
