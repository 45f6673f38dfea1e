"""Shell: `slskdn check` looks at the environment, line by line, and says how to mend what is wrong."""

from __future__ import annotations

import asyncio
import locale
import os
import shlex
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from slskdn_tui.cli.context import Context, fold, put_json
from slskdn_tui.cli.hooks import CheckLine
from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.cells import pad
from slskdn_tui.config.paths import Paths
from slskdn_tui.config.settings import Settings
from slskdn_tui.model.errors import EXIT, UserError

_TMUX_S = 2.0


def check(context: Context) -> int:
    """Exit 0 when nothing fails, `failed` otherwise; warnings do not fail."""
    lines: list[CheckLine] = [_python()]
    try:
        settings = context.settings
    except UserError as error:
        lines.append(CheckLine("configuration", "fail", str(error.message), str(error.hint)))
        settings = Settings()  # the rest is looked at with the defaults
    else:
        lines.append(_config(context.paths))
    lines += terminal(context.environ, sys.stdout.isatty())
    lines += folders(context.paths, settings)
    lines += ports(context.paths, settings)
    lines += account(settings)
    lines += asyncio.run(_probe(context, settings))
    if context.json:
        put_json([{"part": line.part, "state": line.state, "words": line.words, "mend": line.mend} for line in lines])
    else:
        context.put_lines(_lines(lines, shutil.get_terminal_size().columns if sys.stdout.isatty() else None))
    return EXIT["failed"][0] if any(line.state == "fail" for line in lines) else 0


async def _probe(context: Context, settings: Settings) -> list[CheckLine]:
    return await context.hooks.probe(context.paths, settings)


def _lines(lines: list[CheckLine], width: int | None) -> Iterator[str]:
    wide = max(len(line.part) for line in lines) + 2
    for line in lines:
        head, under = f"{line.state:<5} {pad(line.part, wide)}", " " * (6 + wide)
        told = [part for text in (line.words, line.mend) if text for part in _folded(text, width, len(under))]
        yield from (f"{head if not at else under}{part}" for at, part in enumerate(told))


def _folded(text: str, width: int | None, used: int) -> list[str]:
    return fold(text, width - used).split("\n") if width is not None else [text]


def _python() -> CheckLine:
    words = f"{sys.version_info.major}.{sys.version_info.minor}.{sys.version_info.micro}"
    good = sys.version_info >= (3, 11)
    return CheckLine("python", "ok" if good else "fail", words, "" if good else "Install Python 3.11 or later.")


def _config(paths: Paths) -> CheckLine:
    if not paths.config_file.exists():
        return CheckLine("configuration", "warn", f"{paths.config_file} is not there: defaults are in force", "Run `slskdn init`.")
    return CheckLine("configuration", "ok", str(paths.config_file))


def terminal(environ: Mapping[str, str], on_terminal: bool) -> Iterator[CheckLine]:
    """TERM, colours, encoding, tmux."""
    term = environ.get("TERM", "")
    if not on_terminal:
        yield CheckLine(
            "terminal", "warn", "stdout is no terminal: screens cannot open here", "Verbs work; run `slskdn` in a terminal for the screens."
        )
    elif term in ("", "dumb"):
        yield CheckLine(
            "terminal", "fail", f"TERM is `{term}`", "Set TERM to what your terminal is, e.g. xterm-256color (tmux-256color inside tmux)."
        )
    else:
        size = shutil.get_terminal_size()
        small = size.columns < 60 or size.lines < 15
        yield CheckLine(
            "terminal",
            "warn" if small else "ok",
            f"{term}, {size.columns}x{size.lines}",
            "Make it at least 60x15; 80x24 shows everything." if small else "",
        )
    if environ.get("NO_COLOR"):
        yield CheckLine("colours", "ok", "NO_COLOR is set: none are used")
    elif environ.get("COLORTERM") in ("truecolor", "24bit"):
        yield CheckLine("colours", "ok", "24-bit")
    else:
        many = "256color" in term or "direct" in term
        yield CheckLine("colours", "ok", "256" if many else "16; the theme `ansi` suits best" if term else "unknown")
    encoding = locale.getpreferredencoding(False)
    utf = encoding.lower().replace("-", "") == "utf8"
    yield CheckLine(
        "encoding", "ok" if utf else "warn", encoding, "" if utf else "Set LANG to a UTF-8 locale (e.g. C.UTF-8), or use --ascii."
    )
    if environ.get("TMUX"):
        yield from _tmux(environ)


def _tmux_fault(name: str, value: str) -> tuple[str, str]:
    """What is wrong with a tmux option and how to mend it; empty when it is fine."""
    if name == "escape-time" and not (value.isdigit() and int(value) <= 50):
        return "the Esc key comes late", "In ~/.tmux.conf: set -sg escape-time 10"
    if name == "set-clipboard" and value not in ("on", "external"):
        return "copying with y is dropped", "In ~/.tmux.conf: set -g set-clipboard on"
    if name == "default-terminal" and not ("256color" in value or "direct" in value):
        return "few colours", "In ~/.tmux.conf: set -g default-terminal tmux-256color"
    return "", ""


def _tmux(environ: Mapping[str, str]) -> Iterator[CheckLine]:
    """Three tmux options that users trip over. A tmux that does not answer is left alone."""
    for name in ("escape-time", "set-clipboard", "default-terminal"):
        try:
            done = subprocess.run(
                ["tmux", "show-options", "-gqv" if name != "escape-time" else "-sqv", name],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_TMUX_S,
                env=dict(environ),
                text=True,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return
        value = done.stdout.strip()
        if done.returncode == 0 and value:
            fault, mend = _tmux_fault(name, value)
            yield CheckLine("tmux", "warn" if fault else "ok", f"{name} {value}" + (f": {fault}" if fault else ""), mend)


def _standing(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return path


def folders(paths: Paths, settings: Settings) -> Iterator[CheckLine]:
    """Download folder and destinations, the profile's data folder, shared and library folders; free space where something is written."""
    floor = settings.downloads.free_space_mib * 1024 * 1024
    others = ((f"downloads {name}", where) for name, where in settings.downloads.destinations.items())
    music = [(part, Path(where).expanduser()) for part, where in (("downloads", settings.downloads.folder), *others)]
    for part, path in (*music, ("data", paths.data)):
        above = _standing(path)
        if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
            yield CheckLine(
                part, "fail", f"{path} cannot be written", f"Give yourself the right to write in {above}, or choose another folder."
            )
            continue
        free = shutil.disk_usage(above).free
        if free < floor:
            yield CheckLine(
                part,
                "fail",
                f"{path}: {units.size(free)} free",
                f"Downloads pause below {units.size(floor)} (downloads.free_space_mib): make room.",
            )
        else:
            yield CheckLine(part, "ok", f"{path}, {units.size(free)} free")
    cache = settings.warm_cache.folder.strip()
    ours = (paths.data, paths.state, paths.cache, *((Path(cache).expanduser(),) if cache else ()))
    for part, key, items in (
        ("share", "soulseek.share", settings.soulseek.share),
        ("library", "library.folders", [item for item in settings.library.folders if item not in settings.soulseek.share]),
    ):
        for path in map(Path.expanduser, map(Path, items)):
            own = part == "share" and any(path.resolve().is_relative_to(each.resolve()) for each in ours)
            good = path.is_dir() and os.access(path, os.R_OK | os.X_OK) and not own
            fault = "is one of this program's own folders and never shared" if own else "is no readable folder"
            words, mend = (str(path), "") if good else (f"{path} {fault}", f"Correct {key}.")
            yield CheckLine(part, "ok" if good else "fail", words, mend)
    if not settings.soulseek.share:
        yield CheckLine("share", "warn", "nothing is shared", "Many users refuse those who share nothing: add folders to soulseek.share.")


def _running(paths: Paths) -> bool:
    """Does an engine of this profile answer?"""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(paths.socket))
        except OSError:
            return False
    return True


def ports(paths: Paths, settings: Settings) -> Iterator[CheckLine]:
    """Can the listen ports be bound? When this profile's own engine runs, it has them."""
    wanted: list[tuple[str, str, int, socket.SocketKind]] = []
    if settings.soulseek.enabled:
        wanted.append(("soulseek", settings.soulseek.listen_address, settings.soulseek.listen_port, socket.SOCK_STREAM))
    for part, enabled, listen, kind in (
        ("overlay", settings.overlay.enabled, settings.overlay.listen, socket.SOCK_STREAM),
        ("dht", settings.dht.enabled, settings.dht.listen, socket.SOCK_DGRAM),
    ):
        if enabled:
            address, _, number = listen.rpartition(":")
            wanted.append((part, address.strip("[]"), int(number), kind))
    running = _running(paths)
    for part, host, port, kind in wanted:
        name = f"{'TCP' if kind == socket.SOCK_STREAM else 'UDP'} port {port} on {host}"
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as probe:
            if kind == socket.SOCK_STREAM:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                if running:
                    yield CheckLine(f"{part} port", "ok", f"{name}: in use by this profile's running engine")
                else:
                    key = f"{part}.listen_port" if part == "soulseek" else f"{part}.listen"
                    yield CheckLine(f"{part} port", "fail", f"{name}: {error.strerror}", f"Stop what uses it, or set {key} to another one.")
            else:
                yield CheckLine(f"{part} port", "ok", f"{name} is free")


def account(settings: Settings) -> Iterator[CheckLine]:
    """Is there a name and a way to its password? The command is not run: it may ask something."""
    soulseek = settings.soulseek
    if not soulseek.enabled:
        yield CheckLine("account", "warn", "soulseek.enabled is false: no download can start", "Set it to true.")
        return
    if not soulseek.username:
        yield CheckLine("account", "fail", "no account", "Run `slskdn init`, or set soulseek.username. A new name makes a new account.")
        return
    if soulseek.password:
        yield CheckLine("account", "ok", soulseek.username)
        return
    try:
        words = shlex.split(soulseek.password_cmd)
    except ValueError:
        words = []
    if not soulseek.password_cmd:
        yield CheckLine("account", "fail", f"{soulseek.username} has no password", "Set soulseek.password or soulseek.password_cmd.")
    elif not words or shutil.which(words[0]) is None:
        yield CheckLine(
            "account", "fail", "soulseek.password_cmd names no program that is there", "Give a program in your PATH, with its arguments."
        )
    else:
        yield CheckLine("account", "ok", f"{soulseek.username}, password from `{words[0]}`")
