"""The table of commands. A row here is the whole of what a command is called, takes, and is bound to. Core."""

from __future__ import annotations

from slskdn_tui.commands.groups.audio import AUDIO
from slskdn_tui.commands.groups.cache import CACHE
from slskdn_tui.commands.groups.dht import DHT
from slskdn_tui.commands.groups.discover import DISCOVER
from slskdn_tui.commands.groups.finding import FINDING
from slskdn_tui.commands.groups.health import HEALTH
from slskdn_tui.commands.groups.identify import IDENTIFY
from slskdn_tui.commands.groups.jobs import JOBS
from slskdn_tui.commands.groups.library import LIBRARY
from slskdn_tui.commands.groups.mending import MENDING
from slskdn_tui.commands.groups.mesh import MESH
from slskdn_tui.commands.groups.peers import PEERS
from slskdn_tui.commands.groups.people import PEOPLE
from slskdn_tui.commands.groups.playing import PLAYING
from slskdn_tui.commands.groups.running import RUNNING
from slskdn_tui.commands.groups.screens import SCREENS
from slskdn_tui.commands.types import CommandSpec

SPECS: tuple[CommandSpec, ...] = (
    *JOBS,
    *FINDING,
    *DISCOVER,
    *PEOPLE,
    *PEERS,
    *CACHE,
    *DHT,
    *MESH,
    *LIBRARY,
    *IDENTIFY,
    *MENDING,
    *AUDIO,
    *HEALTH,
    *PLAYING,
    *RUNNING,
    *SCREENS,
)


def by_name(name: str) -> CommandSpec | None:
    """The command of that dotted name."""
    return next((spec for spec in SPECS if spec.name == name), None)


def by_verb(words: tuple[str, ...]) -> CommandSpec | None:
    """The command whose CLI words are the longest prefix of `words`."""
    fits = [spec for spec in SPECS if spec.verb and words[: len(spec.verb)] == spec.verb]
    return max(fits, key=lambda spec: len(spec.verb), default=None)


def by_group(group: str) -> CommandSpec | None:
    """What a group's bare words (`jobs`, `library trash`) mean: its list, or what it shows, when that needs no argument."""
    words = tuple(group.split())
    for last in ("list", "show"):
        for spec in SPECS:
            if spec.verb == (*words, last) and not any(arg.required for arg in spec.args):
                return spec
    return None


def by_key(screen: str) -> dict[str, CommandSpec]:
    """Keys in force on a screen: its own ones, and those for all screens it does not redefine."""
    keys: dict[str, CommandSpec] = {}
    for wanted in ("all", screen):
        for spec in SPECS:
            for key in spec.keys:
                if key.screen == wanted:
                    keys[key.key] = spec
    return keys
