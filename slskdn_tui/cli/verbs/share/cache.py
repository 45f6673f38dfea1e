"""Shell: `cache status`. What changes the cache goes through `acting`."""

from __future__ import annotations

from slskdn_tui.cli.context import Context
from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import Column, table
from slskdn_tui.cli.present.render import Look, facts
from slskdn_tui.model.cache import CacheView
from slskdn_tui.model.views import ViewKey

PAGE = 500
EVICTION = {"popularity": "what fewest peers want goes first", "lru": "what was not sent for longest goes first"}


def status(context: Context) -> int:
    return context.show(context.view("any", ViewKey("cache", count=PAGE), CacheView, whole=True), lines)


def lines(view: CacheView, look: Look) -> list[str]:
    """How the cache stands, then what it holds."""
    limit = f" of {units.size(view.most)} ({EVICTION[view.eviction]})" if view.most else ""
    out = facts(
        [
            ("Cache", str(view.words)),
            ("Holds", f"{units.plural(view.held, 'recording')}, {units.size(view.bytes)}{limit}; {view.pinned} pinned"),
            (
                "Takes",
                f"what {units.plural(view.threshold, 'peer')} {'wants or has' if view.threshold == 1 else 'want or have'}"
                if view.threshold
                else "",
            ),
            (f"{view.days} days", f"{units.plural(view.hits, 'peer')} served, {units.size(view.bytes_served)} sent"),
            ("Fetched", f"{units.plural(view.fetched, 'recording')}, {units.size(view.bytes_fetched)}; {view.evicted} let go"),
            ("Folder", str(view.folder)),
        ],
        look,
    )
    if not view.rows:
        return out
    columns = (
        Column("RECORDING", flex=True, least=16),
        Column("STATE"),
        Column("PIN"),
        Column("SIZE", "right"),
        Column("PEERS", "right"),
        Column("SERVED", "right"),
        Column("SENT", "right"),
        Column("LAST"),
        Column("MBID"),
    )
    cells = [
        (
            str(row.title if not row.artist else f"{row.artist} - {row.title}"),
            row.state,
            "pin" if row.pinned else "",
            units.size(row.size) if row.size else "-",
            str(row.peers),
            str(row.hits),
            units.size(row.bytes_served),
            units.moment(row.used_at)[:10] or "-",
            row.recording[:8],
        )
        for row in view.rows
    ]
    return [*out, "", *table(columns, cells, look.width, look.mark)]
