"""How far a node's words are trusted, from what this node knows of it. Core over the peer book.

A Soulseek name in HELLO is a claim, and plays no part.
"""

from __future__ import annotations

from slskdn_tui.engine.discovery.weigh import Standing, Trust
from slskdn_tui.engine.peers.addresses import network_of
from slskdn_tui.engine.peers.book import PeerBook


def trust_in(book: PeerBook) -> Trust:
    """Known: has delivered verified bytes, and stands at 0.7 or above; it weighs its reputation. Blocked, or avoided (wrong bytes within a day): nothing."""

    def standing(node_id: str) -> Standing:
        row = book.row(node_id)
        if row is None:
            return Standing()
        if row.blocked or book.avoided(node_id):
            return Standing(trust=0.0)
        known = book.good(node_id)
        met = network_of(row.address.rpartition(":")[0]) if known and row.address else ""
        return Standing(known, row.local_reputation if known else 1.0, met)

    return standing
