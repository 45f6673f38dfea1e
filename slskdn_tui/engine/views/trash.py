"""The trash as a view. Shell: looks at the disk."""

from __future__ import annotations

import asyncio

from slskdn_tui.engine.views.library import LibraryParts
from slskdn_tui.model.fix import TrashRow, TrashView
from slskdn_tui.model.text import SafeText
from slskdn_tui.model.views import ViewKey


async def trash_view(engine: LibraryParts, key: ViewKey) -> TrashView:
    found = await asyncio.get_running_loop().run_in_executor(engine.disk, engine.trash.entries)
    words = key.filter.casefold().split()
    rows = [
        TrashRow(
            each.entry,
            0,
            each.entry,
            SafeText(each.path, 4096),
            each.size,
            SafeText(each.reason),
            each.at,
            SafeText(each.replaced_by, 4096),
            each.job_id,
        )
        for each in found
    ]
    kept = [row for row in rows if all(word in f"{row.entry} {row.path} {row.reason}".casefold() for word in words)]
    return TrashView(0, tuple(kept[key.start : key.start + key.count]), len(kept), sum(row.size for row in kept))
