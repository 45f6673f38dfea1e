"""Commands on the DHT. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec

DHT: tuple[CommandSpec, ...] = (
    CommandSpec(
        "dht.status",
        "Say how the DHT stands: nodes, reach, what others see",
        "look",
        "engine",
        ("dht", "status"),
        (JSON,),
        palette=False,
    ),
    CommandSpec(
        "dht.get",
        "Look up who announced a recording or a key",
        "look",
        "engine",
        ("dht", "get"),
        (Arg("key", "str", "a recording's MBID, or a DHT key of 40 hex digits", required=True), JSON),
        help="On the public DHT a recording is looked up only with dht.announce_recordings: its key tells what you want.",
        palette=False,
    ),
    CommandSpec(
        "dht.announce",
        "Announce a recording that this node offers, now",
        "share",
        "engine",
        ("dht", "announce"),
        (Arg("recording", "str", "the recording's MBID", required=True), JSON),
        help="Offered recordings are announced anyway every 20 to 25 minutes. On the public DHT only with dht.announce_recordings:"
        " a key tells anybody what you hold.",
        palette=False,
    ),
)
