"""Commands on the warm cache. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec, Key

_RECORDING = "a MusicBrainz recording: its URL, its MBID, or the beginning of one in the cache"

CACHE: tuple[CommandSpec, ...] = (
    CommandSpec("cache.show", "Say what the cache holds and how it does", "share", "cli", ("cache", "status"), (JSON,), palette=False),
    CommandSpec("cache.open", "Warm cache", "share", "ui", (), ()),
    CommandSpec("cache.toggle", "Turn the warm cache on or off", "share", "ui", (), (), (Key("peers", "o"),), palette=False),
    CommandSpec(
        "cache.on",
        "Keep what many peers want, for the mesh",
        "share",
        "engine",
        ("cache", "on"),
        (JSON,),
        help="Holds over restarts, whatever warm_cache.enabled says.",
    ),
    CommandSpec(
        "cache.off",
        "Fetch and serve nothing from the cache",
        "share",
        "engine",
        ("cache", "off"),
        (JSON,),
        help="What it holds stays on disk.",
    ),
    CommandSpec(
        "cache.size",
        "Set how much the cache may hold",
        "share",
        "engine",
        ("cache", "size"),
        (Arg("gb", "float", "GB of 1,000,000,000 bytes", required=True), JSON),
        (Key("peers", "z"),),
    ),
    CommandSpec(
        "cache.threshold",
        "Set how many peers must want a recording",
        "share",
        "engine",
        ("cache", "threshold"),
        (Arg("peers", "int", "how many peers, from 1", required=True), JSON),
        (Key("peers", "t"),),
    ),
    CommandSpec(
        "cache.pin",
        "Keep a recording in the cache for ever",
        "share",
        "engine",
        ("cache", "pin"),
        (Arg("recording", "str", _RECORDING, required=True), JSON),
        (Key("peers", "p"),),
        help="One that is not there is fetched, whoever wants it.",
    ),
    CommandSpec(
        "cache.unpin",
        "Let a pinned recording go when its turn comes",
        "share",
        "engine",
        ("cache", "unpin"),
        (Arg("recording", "str", _RECORDING, required=True), JSON),
        (Key("peers", "P"),),
    ),
    CommandSpec(
        "cache.move",
        "Move a recording from the cache into the library",
        "share",
        "engine",
        ("cache", "move"),
        (Arg("recording", "str", _RECORDING, required=True), JSON),
        (Key("peers", "m"),),
        help="Where and how a job would have placed it; a file that stands there is never overwritten.",
    ),
    CommandSpec(
        "cache.evict",
        "Delete a recording from the cache",
        "share",
        "engine",
        ("cache", "evict"),
        (
            Arg("recording", "str", _RECORDING),
            Arg("all", "bool", "everything that is neither pinned nor being sent", flag=True),
            Arg("yes", "bool", "do not ask", flag=True),
            JSON,
        ),
        (Key("peers", "x"),),
        danger="Delete this from the cache? Who asks for it is not served by you any more; it is not fetched again within a day.",
    ),
)
