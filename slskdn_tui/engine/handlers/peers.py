"""What commands do on peers: block, unblock, forget how their requests ended."""

from __future__ import annotations

import re

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.engine.peers.naming import SLSK, find_peer, peer_key
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Result

_NODE = re.compile(r"[0-9a-f]{64}")


def _find(engine: Parts, text: str) -> str:
    known = [peer_key(row.plane, row.peer_id) for row in engine.book.rows()]
    known += [peer_key(plane, peer) for plane, peer in engine.ledger.by_peer() if peer]
    known += engine.mesh.peers if engine.mesh is not None else ()
    return find_peer(dict.fromkeys(known), text)


def _node(engine: Parts, text: str) -> str:
    """A node's id; UserError `usage` for a Soulseek user, who is banned instead."""
    peer = text if _NODE.fullmatch(text) else _find(engine, text)
    if peer.startswith(SLSK):
        name = SafeText(peer.removeprefix(SLSK), 60)
        raise UserError(
            "usage", f"{name} is a Soulseek user, not a mesh peer", f"`slskdn bans add {name}` bans, `bans remove` takes it back"
        )
    return peer


async def block(engine: Parts, args: Args) -> Result:
    node = _node(engine, args["peer"])
    was = engine.mesh is not None and node in engine.mesh.peers
    await engine.book.block(node, args["note"] or "")
    return done(f"{short_node_id(node)} is blocked{' and was disconnected' if was else ''}", peer=node, blocked=True)


async def unblock(engine: Parts, args: Args) -> Result:
    node = _node(engine, args["peer"])
    if not await engine.book.unblock(node):
        return done(f"{short_node_id(node)} was not blocked", peer=node, blocked=False)
    return done(f"{short_node_id(node)} may come back", peer=node, blocked=False)


async def reset(engine: Parts, args: Args) -> Result:
    peer = _find(engine, args["peer"])
    bare = peer.removeprefix(SLSK)
    await engine.book.reset(bare)
    name = SafeText(bare, 60) if peer.startswith(SLSK) else short_node_id(bare)
    return done(f"{name} stands at 1.00 again", peer=peer, reputation=engine.book.reputation(bare))


PEERS: dict[str, Handler] = {"peers.block": block, "peers.unblock": unblock, "peers.reset": reset}
