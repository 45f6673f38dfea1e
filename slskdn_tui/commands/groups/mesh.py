"""Commands on the mesh. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.common import JSON
from slskdn_tui.commands.types import Arg, CommandSpec

MESH: tuple[CommandSpec, ...] = (
    CommandSpec(
        "mesh.status",
        "Say how the mesh stands: neighbours, reach, what is told",
        "look",
        "engine",
        ("mesh", "status"),
        (JSON,),
        palette=False,
    ),
    CommandSpec(
        "mesh.peers",
        "List the nodes connected now",
        "look",
        "engine",
        ("mesh", "peers"),
        (JSON,),
        palette=False,
    ),
    CommandSpec(
        "mesh.dial",
        "Connect to a node now",
        "share",
        "engine",
        ("mesh", "dial"),
        (Arg("address", "str", "HOST:PORT, or NODEID@HOST:PORT to accept that identity alone", required=True), JSON),
        help="To stay connected to it put it into overlay.peers.",
        palette=False,
    ),
)
