"""All handlers by the names of their commands."""

from __future__ import annotations

from slskdn_tui.engine.handlers.cache import CACHE
from slskdn_tui.engine.handlers.common import Handler, checked
from slskdn_tui.engine.handlers.dht import DHT
from slskdn_tui.engine.handlers.discover import DISCOVER
from slskdn_tui.engine.handlers.finding import FINDING
from slskdn_tui.engine.handlers.getting import GETTING
from slskdn_tui.engine.handlers.health import HEALTH
from slskdn_tui.engine.handlers.identify import IDENTIFY
from slskdn_tui.engine.handlers.jobs import JOBS
from slskdn_tui.engine.handlers.library import LIBRARY
from slskdn_tui.engine.handlers.mending import MENDING
from slskdn_tui.engine.handlers.mesh import MESH
from slskdn_tui.engine.handlers.peers import PEERS
from slskdn_tui.engine.handlers.people import PEOPLE
from slskdn_tui.engine.handlers.playing import PLAYING
from slskdn_tui.engine.handlers.sharing import SHARING

__all__ = ["HANDLERS", "checked"]

HANDLERS: dict[str, Handler] = {
    **JOBS,
    **FINDING,
    **DISCOVER,
    **GETTING,
    **PEOPLE,
    **PEERS,
    **CACHE,
    **SHARING,
    **DHT,
    **MESH,
    **LIBRARY,
    **IDENTIFY,
    **MENDING,
    **HEALTH,
    **PLAYING,
}
