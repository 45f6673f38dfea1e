"""What commands do on the mesh: how this node stands in words, who is connected, dialling somebody now."""

from __future__ import annotations

from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.mesh_finder import split_address
from slskdn_tui.engine.overlay.gossip.gossip import Gossip
from slskdn_tui.engine.overlay.gossip.hood import Hood
from slskdn_tui.engine.overlay.greeting import MeshError
from slskdn_tui.engine.overlay.mesh import Mesh
from slskdn_tui.engine.overlay.peer import OverlayPeer
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.ids import short_node_id
from slskdn_tui.seam import Result


def _parts(engine: Parts) -> tuple[Mesh, Gossip, Hood]:
    if engine.mesh is None or engine.gossip is None or engine.hood is None:
        raise UserError("network", "the overlay is off", "set overlay.enabled to true")
    return engine.mesh, engine.gossip, engine.hood


async def status(engine: Parts, args: Args) -> Result:
    mesh, gossip, hood = _parts(engine)
    shelf, own = gossip.shelf, mesh.identity.node_id
    others = len(shelf) - (own in shelf.sequences())
    told = len({each.variant.recording_mbid for each in shelf.variants(own).values()})
    reach = hood.reach
    return done(
        "",
        text="\n".join(engine.finder.report),
        neighbours=len(mesh.peers),
        reachable=sum(hood.address(peer) is not None for peer in mesh.peers.values()),
        others_reach_us=reach.reachable,
        inbound=reach.inbound,
        reached=reach.yes,
        not_reached=reach.no,
        nodes_heard=others,
        recordings_told=told,
        candidates=len(hood.candidates),
    )


def _facts(engine: Parts, peer: OverlayPeer, gossip: Gossip, hood: Hood) -> dict[str, object]:
    descriptor = gossip.descriptor(peer.node_id)
    where = hood.address(peer)
    return {
        "node_id": peer.node_id,
        "address": peer.address,
        "dialled": peer.dialled,
        "reachable": where is not None,
        "client": str(peer.client),
        "recordings": len({each.variant.recording_mbid for each in gossip.shelf.variants(peer.node_id).values()}),
        "free_slots": descriptor.slots if descriptor is not None else None,
        "reputation": round(engine.book.reputation(peer.node_id), 2),
    }


async def peers(engine: Parts, args: Args) -> Result:
    mesh, gossip, hood = _parts(engine)
    facts = [_facts(engine, peer, gossip, hood) for _, peer in sorted(mesh.peers.items())]
    lines = []
    for each in facts:
        slots = "" if each["free_slots"] is None else f", {each['free_slots']} slots free"
        how = "dialled" if each["dialled"] else "came in" + (", can be dialled" if each["reachable"] else "")
        lines.append(
            f"{short_node_id(str(each['node_id']))}  {each['address']}  {how}; tells of {each['recordings']} recordings{slots}; "
            f"reputation {each['reputation']:.2f}"
        )
    return done("" if lines else "nobody is connected", text="\n".join(lines), peers=facts)


async def dial(engine: Parts, args: Args) -> Result:
    mesh, _, _ = _parts(engine)
    pin, (host, port) = split_address(args["address"])
    try:
        peer = await mesh.dial(host, port, expect=pin or None, named=True)
    except MeshError as error:
        hint = "check the node id" if error.code == "pin_mismatch" else "is slskdn running there, and its overlay.listen port open?"
        raise UserError("network", str(error), hint) from error
    return done(f"connected to {short_node_id(peer.node_id)} at {peer.address}", node_id=peer.node_id, address=peer.address)


MESH: dict[str, Handler] = {"mesh.status": status, "mesh.peers": peers, "mesh.dial": dial}
