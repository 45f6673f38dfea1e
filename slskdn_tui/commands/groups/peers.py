"""Commands on peers and on what this node gives and takes. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec, Key

PEER = Arg("peer", "str", "a mesh peer (b3:9f2c, or the beginning of its node id) or a Soulseek user", required=True)

PEERS: tuple[CommandSpec, ...] = (
    CommandSpec("peers.list", "List peers: what they gave and took, reputation", "peers", "cli", ("peers", "list"), (JSON,), palette=False),
    CommandSpec("peers.show", "Show all that is known of a peer", "peers", "cli", ("peers", "show"), (PEER, JSON), palette=False),
    CommandSpec(
        "peers.block",
        "Block a mesh peer",
        "peers",
        "engine",
        ("peers", "block"),
        (PEER, Arg("note", "str", "why, for yourself", flag=True), Arg("yes", "bool", "do not ask", flag=True), JSON),
        (Key("peers", "b", True),),
        danger="Block this peer? It is disconnected, what it is sending is fetched elsewhere, and it gets nothing from you until you unblock it.",
    ),
    CommandSpec(
        "peers.unblock", "Let a blocked peer come back", "peers", "engine", ("peers", "unblock"), (PEER, JSON), (Key("peers", "u", True),)
    ),
    CommandSpec(
        "peers.reset",
        "Forget how a peer's requests ended",
        "peers",
        "engine",
        ("peers", "reset"),
        (PEER, Arg("yes", "bool", "do not ask", flag=True), JSON),
        (Key("peers", "c", True),),
        danger="Reset this peer's reputation to 1.0? The record of how its requests ended is lost; a peer that sent wrong bytes is asked again.",
    ),
    CommandSpec(
        "contribution.show",
        "Contribution report: what was given and taken",
        "peers",
        "cli",
        ("contribution",),
        (Arg("days", "int", "of how many days, 1 to 7", flag=True, default=7), JSON),
        palette=False,
    ),
    CommandSpec("contribution.open", "Contribution report", "peers", "ui", (), (Arg("days", "int", "of how many days, 1 to 7"),)),
    CommandSpec("peers.open", "Show a peer", "peers", "ui", (), (Arg("peer", "str", "its name"),), palette=False),
    CommandSpec(
        "peers.window",
        "Report of seven days, or of today",
        "peers",
        "ui",
        (),
        (),
        (Key("peers", "w", True),),
        palette=False,
        label="window",
    ),
    CommandSpec("peers.section", "The next section", "peers", "ui", (), (), (Key("peers", "tab", True),), palette=False, label="section"),
    CommandSpec("peers.section_back", "The section before", "peers", "ui", (), (), (Key("peers", "shift+tab"),), palette=False),
)
