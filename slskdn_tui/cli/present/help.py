"""Help texts from the command table, the same on every Python. Core: docs/cli.md is made of them."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from slskdn_tui.commands import SPECS, Arg, CommandSpec, by_group

WIDTH = 96
_COLUMN = 28

GROUPS: dict[str, str] = {
    "jobs": "Jobs: albums being fetched",
    "swarms": "Swarms: what is moving right now",
    "debug": "What the scheduler did, job by job",
    "filters": "Saved filters for search results, used as @name",
    "wishlist": "Wishes: searches that repeat by themselves",
    "discover": "Discographies, and where a release leads",
    "labels": "Labels as the mesh has them",
    "uploads": "What others get from you",
    "shares": "What you share",
    "limits": "Speed limits and their schedule",
    "friends": "Friends: own upload slots, served first",
    "bans": "Users who get nothing from you",
    "message": "Private messages",
    "peers": "Mesh peers and Soulseek users: what they gave and took, how far they are trusted",
    "cache": "The warm cache: what is kept for the mesh",
    "dht": "The DHT: how it stands, who announced what",
    "mesh": "The mesh: how this node stands in it, who is connected",
    "soulseek": "Your own Soulseek session",
    "player": "What plays, and the player on this machine",
    "library": "Your library: what is wrong with it, and what mends it",
    "library trash": "Files that were replaced and can be put back",
    "audio": "What audio files are",
    "config": "The configuration",
    "themes": "Colours of the screens",
    "bench": "Measure the overlay's transfer alone",
}
CATEGORIES: dict[str, str] = {
    "jobs": "Jobs",
    "swarms": "Swarms",
    "trace": "Traces",
    "find": "Finding and getting",
    "library": "The library",
    "playing": "Listening",
    "share": "Sharing and limits",
    "people": "People on Soulseek",
    "peers": "Peers and fairness",
    "look": "Looking",
    "run": "Running",
    "setup": "Setting up",
}
PROFILE = ("--profile DIR", "keep configuration, data and state in this one folder (or set SLSKDN_PROFILE)")
APP_OPTIONS: tuple[tuple[str, str], ...] = (
    ("--theme NAME", "theme of the screens (`slskdn themes list`); the name is looked up when they open"),
    ("--ascii", "plain ASCII instead of line drawing"),
    ("--no-mouse", "leave the mouse to the terminal"),
    ("--refresh HZ", "how often screens look for changes, 0.1 to 10"),
    ("--low-bandwidth", "redraw rarely and plainly, for slow links"),
    ("--readonly", "look only: nothing can be changed, and no engine is started"),
)


def verbs() -> list[CommandSpec]:
    """Commands that have a CLI form, in the table's order."""
    return [spec for spec in SPECS if spec.verb]


def asks(spec: CommandSpec) -> bool:
    """Does the verb take --yes though its table row does not say so? All dangerous ones do."""
    return bool(spec.danger) and all(arg.name != "yes" for arg in spec.args)


def flag_name(arg: Arg) -> str:
    return "--" + arg.name.replace("_", "-")


def metavar(arg: Arg) -> str:
    """How a value is written in usage lines."""
    if arg.shown:
        return arg.shown
    if arg.choices:
        return "|".join(arg.choices)
    return {"int": "N", "float": "N", "path": "FILE", "track": "N"}.get(arg.type, arg.name.upper().replace("_", "-"))


def negatable(arg: Arg) -> bool:
    """A switch that is on by default gets a `--no-` form."""
    return arg.type == "bool" and arg.flag and arg.default is True


def _usage_of(arg: Arg) -> str:
    if not arg.flag:
        text = metavar(arg) if arg.choices else metavar(arg) if arg.type == "path" else arg.name.upper()
        text += " ..." if arg.many else ""
        return text if arg.required else f"[{text}]"
    if negatable(arg):
        return f"[--no-{arg.name.replace('_', '-')}]"
    text = flag_name(arg) if arg.type == "bool" else f"{flag_name(arg)} {metavar(arg)}"
    return text if arg.required else f"[{text}]"


def _line(left: str, right: str) -> list[str]:
    wrapped = textwrap.wrap(right, WIDTH - _COLUMN, break_on_hyphens=False) or [""]
    if len(left) > _COLUMN - 4:
        return [f"  {left}", *(" " * _COLUMN + part for part in wrapped)]
    return [f"  {left:<{_COLUMN - 2}}{wrapped[0]}".rstrip(), *(" " * _COLUMN + part for part in wrapped[1:])]


def _table(rows: Iterable[tuple[str, str]]) -> list[str]:
    return [line for left, right in rows for line in _line(left, right)]


def usage(spec: CommandSpec) -> str:
    """`usage: slskdn jobs create REFERENCE [--codecs CODECS] ...`, wrapped."""
    flags = [_usage_of(arg) for arg in spec.args if arg.flag] + (["[--yes]"] if asks(spec) else [])
    places = [_usage_of(arg) for arg in spec.args if not arg.flag]
    head = "usage: slskdn " + " ".join(spec.verb)
    # Parts must not be broken inside: wrap with a stand-in for their spaces.
    body = " ".join(part.replace(" ", "\0") for part in (*places, *flags))
    lines = textwrap.wrap(f"{head} {body}", WIDTH, subsequent_indent=" " * 8, break_on_hyphens=False, break_long_words=False)
    return "\n".join(lines).replace("\0", " ") + "\n"


def help_verb(spec: CommandSpec) -> str:
    """The whole help of one verb."""
    lines = [usage(spec), *textwrap.wrap(f"{spec.summary}. {spec.help}".strip(), WIDTH)]
    if spec.danger:
        lines += textwrap.wrap(f"Asks first: {spec.danger}", WIDTH)
    places = [(_usage_of(arg).strip("[]"), arg.help) for arg in spec.args if not arg.flag]
    if places:
        lines += ["", "arguments:", *_table(places)]
    rows: list[tuple[str, str]] = []
    for arg in spec.args:
        if not arg.flag:
            continue
        if negatable(arg):
            rows.append((f"--no-{arg.name.replace('_', '-')}", f"do not {arg.help}"))
            continue
        name = flag_name(arg) if arg.type == "bool" else f"{flag_name(arg)} {metavar(arg)}"
        note = f" (default {arg.default})" if arg.default is not None and arg.type != "bool" else ""
        rows.append((name, arg.help + note))
    if asks(spec):
        rows.append(("--yes", "do not ask"))
    lines += ["", "options:", *_table([*rows, PROFILE, ("--help", "show this")])]
    return "\n".join(lines) + "\n"


def help_group(group: str) -> str:
    """The verbs below one word or more, e.g. `slskdn jobs --help`."""
    words = tuple(group.split())
    rows = [(" ".join(spec.verb[len(words) :]), spec.summary) for spec in verbs() if spec.verb[: len(words)] == words != spec.verb]
    bare = by_group(group)
    command, alone = ("[COMMAND ...]", f" Without a command: {bare.verb[-1]}.") if bare else ("COMMAND ...", "")
    lines = [f"usage: slskdn {group} {command}", "", f"{GROUPS[group]}.{alone}", "", "commands:", *_table(rows)]
    return "\n".join([*lines, "", f"`slskdn {group} COMMAND --help` says more."]) + "\n"


def help_root() -> str:
    """`slskdn --help`."""
    lines = ["usage: slskdn [OPTIONS] [COMMAND ...]", ""]
    lines += textwrap.wrap(
        "A terminal music client: Soulseek for finding, MusicBrainz for knowing, a verified mesh for finishing. "
        "Without a command the screens open; every screen has a command that prints the same facts.",
        WIDTH,
    )
    for category, title in CATEGORIES.items():
        rows = [(" ".join(spec.verb), spec.summary) for spec in verbs() if spec.category == category]
        if rows:
            lines += ["", f"{title}:", *_table(rows)]
    lines += ["", "options:", *_table([PROFILE, ("--version", "print the version"), ("--help", "show this")])]
    lines += ["", "options of the screens:", *_table(APP_OPTIONS)]
    return "\n".join(lines) + "\n"
