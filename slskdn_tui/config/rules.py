"""What a type alone cannot say about a setting: addresses, account names, templates, key names. Core."""

from __future__ import annotations

import ipaddress
import re
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from slskdn_tui.commands import SPECS, by_key, by_name
from slskdn_tui.commands.types import key_label
from slskdn_tui.config import templates
from slskdn_tui.config.settings import Settings
from slskdn_tui.model.schedule import GRAMMAR, START_GRAMMAR, parse_rule, parse_start

_HOST = re.compile(r"(?!-)[A-Za-z0-9_.-]{1,253}\Z")
WHOLE_PATH = "a whole path beginning with / or ~/"
SEARCH_GAP_S = 3.0
"""The server may ban an address for 30 minutes for a flood of searches. It gives no figure; this is the floor other clients' bans suggest (docs/protocol/soulseek.md)."""
NOTICE_STATES = ("completed", "failed", "paused", "cancelled", "searching")


@dataclass(frozen=True, slots=True)
class Problem:
    """A value that cannot work: where it stands, what is wrong (never the value of a secret), what is allowed."""

    section: str
    key: str
    what: str
    allowed: str


def _port(text: str) -> bool:
    return text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= 65535


def host_port(text: str) -> bool:
    """HOST:PORT or [IPv6]:PORT."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        return bool(colon) and address(host[1:-1]) and _port(port)
    return bool(colon) and bool(_HOST.match(host)) and _port(port)


def address_port(text: str) -> bool:
    """ADDRESS:PORT with a literal address."""
    host, colon, port = text.rpartition(":")
    return bool(colon) and address(host.removeprefix("[").removesuffix("]")) and _port(port)


def address(text: str) -> bool:
    """A literal IPv4 or IPv6 address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def loopback_port(text: str) -> bool:
    return address_port(text) and ipaddress.ip_address(text.rpartition(":")[0].strip("[]")).is_loopback


def on_this_machine(text: str) -> bool:
    """HOST:PORT of a loopback address: a server of one's own, which bans nobody."""
    host = text.rpartition(":")[0].strip("[]")
    return host == "localhost" or (address(host) and ipaddress.ip_address(host).is_loopback)


def network(text: str) -> bool:
    """A network such as 10.0.0.0/8."""
    try:
        ipaddress.ip_network(text)
    except ValueError:
        return False
    return True


def username(text: str) -> bool:
    """An account name the Soulseek server takes; empty is not yet set."""
    return len(text) <= 30 and text.isascii() and (not text or text.isprintable()) and text == text.strip()


def peer(text: str) -> bool:
    """ADDRESS:PORT or NODEID@ADDRESS:PORT."""
    node, at, where = text.rpartition("@")
    return host_port(where) and (not at or bool(re.fullmatch(r"[A-Za-z0-9-]{40,80}", node)))


def web(text: str) -> bool:
    """An http or https URL with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def ending(text: str) -> bool:
    """A file ending such as `jpg`."""
    return bool(re.fullmatch(r"[A-Za-z0-9_-]{1,8}", text))


def folder(text: str) -> bool:
    """A path that means the same wherever slskdn is started."""
    return text == "~" or text.startswith(("/", "~/"))


def splits(text: str) -> bool:
    """A command line that a shell would split into words, or nothing."""
    try:
        shlex.split(text)
    except ValueError:
        return False
    return True


def scan_start(text: str) -> str:
    """What is wrong with `library.schedule`, or ''."""
    try:
        if text:
            parse_start(text)
    except ValueError as error:
        return str(error)
    return ""


def schedule(text: str) -> str:
    """What is wrong with a line of `downloads.schedule`, or ''."""
    try:
        parse_rule(text)
    except ValueError as error:
        return str(error)
    return ""


def keymap_clashes(keymap: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(command, words) of each key in the user's keymap that another command has on the same screen."""
    keys = {name: {key_label(key) for key in text.split()} for name, text in keymap.items() if by_name(name) is not None}
    screens = sorted({key.screen for spec in SPECS for key in spec.keys} - {"all"})
    said: set[tuple[str, str]] = set()
    for screen in screens:
        owners = [(key_label(key), spec.name) for key, spec in by_key(screen).items() if spec.name not in keys]
        owners += [(label, name) for name, labels in keys.items() if screen in _screens(name, screens) for label in labels]
        for name, labels in keys.items():
            for label, other in owners:
                if (
                    screen not in _screens(name, screens)
                    or other == name
                    or label not in labels
                    or (label, "".join(sorted((name, other)))) in said
                ):
                    continue
                said.add((label, "".join(sorted((name, other)))))
                yield name, f"key `{label}` of {name} is {other}'s on the {screen} screen already"


def _screens(name: str, every: list[str]) -> list[str]:
    """Screens that a command's keys are for."""
    spec = by_name(name)
    own = {key.screen for key in spec.keys} if spec is not None else set()
    return every if not own or "all" in own else sorted(own)


def check(settings: Settings) -> Iterator[Problem]:
    """Every problem, in the order of the file."""

    def one(section: str, key: str, good: Callable[[str], bool], words: str) -> Iterator[Problem]:
        value = getattr(getattr(settings, section), key)
        for item in value if isinstance(value, list) else [value]:
            if not good(item):
                yield Problem(section, key, f"`{item[:80]}` is not {words.split(',')[0]}", words)

    yield from one("soulseek", "server", host_port, "HOST:PORT, e.g. server.slsknet.org:2416")
    yield from one("soulseek", "username", username, "an account name, at most 30 printable ASCII characters without spaces around it")
    yield from one("soulseek", "listen_address", address, "an address, e.g. 0.0.0.0 for all or the one of your VPN")
    if settings.soulseek.search_gap_s < SEARCH_GAP_S and not on_this_machine(settings.soulseek.server):
        what = f"searches {settings.soulseek.search_gap_s:g} s apart are too many: the server may ban your address for 30 minutes"
        yield Problem(
            "soulseek",
            "search_gap_s",
            what,
            f"{SEARCH_GAP_S:g} or more (less only with a server on this machine); without the line it is 3",
        )
    if settings.soulseek.password and settings.soulseek.password_cmd:
        yield Problem("soulseek", "password_cmd", "both password and password_cmd are set", "one of the two; empty the other")
    if settings.discogs.token and settings.discogs.token_cmd:
        yield Problem("discogs", "token_cmd", "both token and token_cmd are set", "one of the two; empty the other")
    for key in templates.FIELDS:
        if fault := templates.fault(key, getattr(settings.downloads, key)):
            yield Problem("downloads", key, fault, f"{templates.allowed(key)}, below downloads.folder")
    yield from one("downloads", "folder", folder, f"{WHOLE_PATH}, e.g. ~/Music/slskdn")
    for name, where in settings.downloads.destinations.items():
        if not name.strip() or not folder(where):
            yield Problem(
                "downloads", "destinations", f"`{where[:80]}` of `{name[:80]}` is not {WHOLE_PATH}", "NAME: FOLDER, e.g. vinyl: /data/vinyl"
            )
    for section, key in (("soulseek", "share"), ("library", "folders")):
        yield from one(section, key, folder, f"{WHOLE_PATH}, one a list item")
    for section, key in (("soulseek", "port_file"), ("warm_cache", "folder")):
        yield from one(section, key, lambda text: not text or folder(text), WHOLE_PATH)
    yield from one("downloads", "extras", ending, "a file ending without its dot, e.g. jpg")
    if fault := scan_start(settings.library.schedule):
        yield Problem("library", "schedule", fault, START_GRAMMAR)
    for line in settings.downloads.schedule:
        if fault := schedule(line):
            yield Problem("downloads", "schedule", f"`{line[:80]}`: {fault}", GRAMMAR)
    yield from one("musicbrainz", "url", web, "a URL, e.g. https://musicbrainz.org")
    yield from one("acoustid", "url", web, "a URL, e.g. https://api.acoustid.org")
    yield from one("discogs", "url", web, "a URL, e.g. https://api.discogs.com")
    yield from one("discogs", "token_cmd", splits, "a command, with its quotes closed")
    yield from one("overlay", "listen", address_port, "ADDRESS:PORT, e.g. 0.0.0.0:50400")
    yield from one("overlay", "peers", peer, "ADDRESS:PORT or NODEID@ADDRESS:PORT, one a list item")
    yield from one("dht", "listen", address_port, "ADDRESS:PORT, e.g. 0.0.0.0:50401")
    yield from one("dht", "listen6", lambda text: not text or address_port(text), "[ADDRESS]:PORT, e.g. [::]:50401")
    yield from one("dht", "bootstrap", host_port, "HOST:PORT, one a list item")
    yield from one("playback", "listen", loopback_port, "LOOPBACK-ADDRESS:PORT, e.g. 127.0.0.1:8765")
    yield from one("network", "permit", network, "a network, e.g. 10.0.0.0/8")
    yield from one("notices", "command", splits, "a command, with its quotes closed")
    yield from one("notices", "webhook", lambda text: not text or web(text), "a URL, e.g. https://example.org/hook")
    yield from one("notices", "states", NOTICE_STATES.__contains__, f"a state of a job, one of {' '.join(NOTICE_STATES)}")
    for name, key in settings.ui.keymap.items():
        if by_name(name) is None:
            yield Problem("ui", "keymap", f"no command `{name[:80]}`", "command names as in docs/keys.md, e.g. jobs.cancel: X")
        elif not key:
            yield Problem("ui", "keymap", f"no key for {name}", "a key's name, e.g. X or ctrl+x")
