"""What commands do on the DHT: how it stands in words, a look-up, an announce now."""

from __future__ import annotations

import re

from slskdn_tui.engine.dht.keys import recording_key
from slskdn_tui.engine.dht.node import DhtNode, Standing
from slskdn_tui.engine.dht_plane import NAMED, PUBLIC, UNNAMED, words_of
from slskdn_tui.engine.handlers.common import Args, Handler, done
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.text import SafeText, counted
from slskdn_tui.seam import Result

_HEX = re.compile(r"[0-9a-fA-F]{40}")
WAITS = "it waits for a first node"
FIRST = "ask a friend for theirs and put it into dht.bootstrap, or name friends in overlay.peers"


def _node(engine: Parts) -> DhtNode:
    if engine.dht is None:
        raise UserError("network", "the DHT is off", "set dht.enabled and overlay.enabled to true")
    return engine.dht


def _key(text: str) -> tuple[bytes, bool]:
    """(the 20-byte key, whether it names a recording) of what the user wrote."""
    if _HEX.fullmatch(text):
        return bytes.fromhex(text), False
    try:
        return recording_key(text), True
    except ValueError:
        raise UserError(
            "usage", f"{SafeText(text, 60)} is neither a recording's MBID nor 40 hex digits", "an MBID is on its MusicBrainz page"
        ) from None


def _may_name(engine: Parts, verb: str) -> None:
    if not engine.settings.dht.names_recordings:
        raise UserError(
            "refused",
            f"the recording is not {verb} on the public DHT: its key tells anybody what this address holds or wants",
            "set dht.announce_recordings to true if that is all right, or dht.public to false",
        )


def _shown(host: str, port: int) -> str:
    """As settings take it."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _standing(one: Standing) -> str:
    where = f"IPv{one.family} {_shown(*one.address)}"
    seen = (
        f"others see it at {one.seen_as}"
        if one.seen_as
        else f"its outer address is not known yet ({counted(one.votes, 'voice')} of 5 needed)"
    )
    kept = f"keeps {counted(one.peers, 'address').replace('addresss', 'addresses')} under {counted(one.keys, 'key')} for others"
    return f"{where}: {counted(one.good, 'node')} answered last time, {one.questionable} questionable; {one.reach}; {seen}; {kept}"


async def status(engine: Parts, args: Args) -> Result:
    node = _node(engine)
    dht, finder = engine.settings.dht, engine.finder
    standing = node.standing()
    if dht.public:
        network = PUBLIC + (NAMED if dht.announce_recordings else UNNAMED)
    else:
        network = "a network of this program's nodes only (dht.public: false)"
    lines = [network, *(_standing(one) for one in standing)]
    if node.waiting:
        lines.append(f"{WAITS}: {FIRST}")
    channel = "announced" if finder.channel_announced else "not announced yet"
    lines.append(f"this node is {channel} under the channel key, with {counted(len(finder.announced), 'recording')}")
    families = [
        {
            "family": one.family,
            "address": _shown(*one.address),
            "node_id": one.node_id.hex(),
            "good": one.good,
            "questionable": one.questionable,
            "reachable": one.reachable,
            "seen_as": one.seen_as,
            "votes": one.votes,
            "keys": one.keys,
            "peers": one.peers,
            "items": one.items,
            "lookups": one.lookups,
        }
        for one in standing
    ]
    facts = {
        "public": dht.public,
        "waiting": node.waiting,
        "channel_announced": finder.channel_announced,
        "recordings": len(finder.announced),
    }
    return done("", text="\n".join(lines), families=families, **facts)


async def get(engine: Parts, args: Args) -> Result:
    node = _node(engine)
    key, names = _key(args["key"])
    if names:
        _may_name(engine, "looked up")
    if node.waiting:
        raise UserError("network", f"the DHT cannot be asked: {WAITS}", FIRST)
    peers, ends = await node.look_up(key)
    lines = [_shown(host, port) for host, port in peers]
    said = "; ".join(words_of(end) for end in ends)
    if not peers:
        raise UserError("not_found", f"nobody announced it ({said})", "an announce fades after 45 minutes")
    return done(said, text="\n".join(lines), peers=lines, key=key.hex(), asked=sum(end.asked for end in ends))


async def announce(engine: Parts, args: Args) -> Result:
    node = _node(engine)
    text = args["recording"].lower()
    key, names = _key(text)
    if not names:
        raise UserError("usage", "a key alone says nothing about a recording", "give the recording's MBID")
    _may_name(engine, "announced")
    if engine.mesh is None or text not in engine.offers.recordings():
        raise UserError("not_found", "this node does not offer that recording", "`slskdn config show` says what is offered (overlay.offer)")
    if node.waiting:
        raise UserError("network", f"nothing can be announced: the DHT cannot be asked, {WAITS}", FIRST)
    stored = await node.announce(key, engine.mesh.port)
    if not stored:
        raise UserError("network", "no node took the announce", "`slskdn dht status` says how many nodes are known")
    return done(f"{counted(stored, 'node')} will tell others for 45 minutes that this node has it", stored=stored, key=key.hex())


DHT: dict[str, Handler] = {
    "dht.status": status,
    "dht.get": get,
    "dht.announce": announce,
}
