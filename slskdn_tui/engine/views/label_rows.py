"""Labels the mesh has releases of, as a view. Shell over the store, with or without a running engine."""

from __future__ import annotations

from slskdn_tui.engine.store.store import Store
from slskdn_tui.model.graph import LabelRow, LabelsView
from slskdn_tui.model.views import ViewKey


async def seen_labels(store: Store, key: ViewKey) -> LabelsView:
    """Labels whose name begins with the subject."""
    found = await store.popularity.labels(key.subject, "name" if key.sort == "name" else "peers", max(1, min(key.count, 1000)))
    return LabelsView(0, tuple(LabelRow(str(each.name), 0, each.name, each.releases, each.peers) for each in found))
