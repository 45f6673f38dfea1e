"""How people name a peer: a Soulseek user whole, a mesh node by the beginning of its name or id. Core."""

from __future__ import annotations

from collections.abc import Iterable

from slskdn_tui.engine.peers.book import SLSK
from slskdn_tui.engine.store.records import Plane
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import show_node_id

__all__ = ["SLSK", "find_peer", "long_name", "peer_key"]

MOST_NAMED = 4
"""Names given of those that a beginning fits."""


def peer_key(plane: Plane, peer_id: str) -> str:
    """A peer's name among those of both planes: a node id, or `slsk:NAME`."""
    return SLSK + peer_id if plane == "slsk" else peer_id


def long_name(node_id: str) -> str:
    """As `show_node_id`; empty for what is no node id."""
    try:
        return show_node_id(node_id)
    except ValueError:
        return ""


def find_peer(keys: Iterable[str], text: str) -> str:
    """The peer that `text` names: a Soulseek user whole, a node by the beginning of its name (`b3:9f2c...`) or of its id in hex."""
    keys, wanted = list(keys), text.strip()
    for exact in (wanted, SLSK + wanted):
        if exact in keys:
            return exact
    short = wanted.casefold().removeprefix("b3:").replace("-", "")
    names = {key: (long_name(key).replace("-", "").casefold(), "" if wanted.casefold().startswith("b3:") else key) for key in keys}
    fits = [key for key in keys if short and not key.startswith(SLSK) and any(name.startswith(short) for name in names[key])]
    if len(fits) == 1:
        return fits[0]
    if fits:
        more = ", ".join(f"b3:{names[key][0][:8]}" for key in fits[:MOST_NAMED])
        raise UserError("usage", f"{len(fits)} peers begin with {wanted!r}", f"give more of the name: {more}")
    raise UserError("not_found", f"no peer {wanted!r} is known", "`slskdn peers list` shows them")
