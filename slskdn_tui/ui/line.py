"""The `:` line: words into a command with arguments, and completion. Core; its verbs are the CLI's, from `commands.SPECS`."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from slskdn_tui.commands import SPECS, Arg, CommandSpec, by_group, by_name, by_verb
from slskdn_tui.model.errors import UserError

ALIASES = {
    "q": "app.quit",
    "quit": "app.quit",
    "help": "app.help",
    "h": "app.help",
    "themes": "view.themes",
    "log": "screen.log",
}
VIEWS = {
    "jobs.list": "screen.jobs",
    "jobs.show": "screen.jobs",
    "swarms.list": "screen.swarms",
    "swarms.show": "view.details",
    "trace.show": "trace.open",
    "themes.list": "view.themes",
    "status": "status",
    "stats.show": "stats.open",
    "log": "screen.log",
    "search.show": "search.new",
    "get": "get.add",
    "wishlist.list": "wishlist.open",
    "wishlist.show": "wishlist.open",
    "uploads.list": "uploads.open",
    "limits.show": "uploads.open",
    "user.show": "user.open",
    "browse.show": "browse.open",
    "message.list": "message.open",
    "peers.list": "screen.peers",
    "peers.show": "peers.open",
    "contribution.show": "contribution.open",
    "discover.artist": "discover.open",
    "discover.label": "discover.open_label",
    "discover.producer": "discover.open_producer",
    "discover.release": "discover.open_release",
    "labels.list": "labels.open",
    "labels.show": "labels.open",
    "parents.list": "screen.jobs",
    "cache.show": "cache.open",
}
"""CLI verbs that print something, and the command that shows the same here."""
SUBJECT = ("job", "track")


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command ready to run; `args` holds only what was said."""

    spec: CommandSpec
    args: dict[str, Any] = field(default_factory=dict)


def parse(text: str) -> Parsed:
    """Read a line. Raises UserError("usage") in one line that says what is wrong."""
    try:
        words = tuple(shlex.split(text.removeprefix(":").strip()))
    except ValueError as error:
        raise UserError("usage", f"cannot read this: {str(error).lower()}") from None
    if not words:
        raise UserError("usage", "nothing to do")
    spec, rest = _find(words)
    args = read_args(spec, rest)
    if spec.where == "cli":
        view = by_name(VIEWS.get(spec.name, ""))
        if view is None:
            raise UserError("usage", f"{' '.join(spec.verb)} works on the command line only: slskdn {text.strip()}")
        taken = {*SUBJECT, *(arg.name for arg in view.args)}
        return Parsed(view, {name: value for name, value in args.items() if name in taken})
    return Parsed(spec, args)


def _find(words: tuple[str, ...]) -> tuple[CommandSpec, tuple[str, ...]]:
    if spec := by_verb(words):
        return spec, words[len(spec.verb) :]
    if spec := by_name(ALIASES.get(words[0], words[0])) or by_group(words[0]):
        return spec, words[1:]
    raise UserError("usage", f"there is no command {words[0]!r}; tab completes, ctrl+p lists all")


def read_args(spec: CommandSpec, words: Sequence[str]) -> dict[str, Any]:
    """Arguments as the command line takes them: positional ones in order, `--name value`, `--flag`, `--no-flag`."""
    flags = {arg.name.replace("_", "-"): arg for arg in spec.args if arg.flag}
    positional = [arg for arg in spec.args if not arg.flag]
    out: dict[str, Any] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if word.startswith("--") and len(word) > 2:
            name, equals, value = word[2:].partition("=")
            arg = flags.get(name)
            if arg is None and name.startswith("no-") and (arg := flags.get(name[3:])) is not None and arg.type == "bool":
                out[arg.name] = False
                continue
            if arg is None:
                raise UserError("usage", f"{spec.name} has no --{name}; it has {', '.join('--' + flag for flag in flags) or 'none'}")
            if arg.type == "bool":
                out[arg.name] = True
                continue
            if not equals:
                if not rest:
                    raise UserError("usage", f"--{name} wants a value: {arg.help}")
                value = rest.pop(0)
            out[arg.name] = convert(arg, value)
        elif positional:
            arg = positional[0]
            if arg.many:
                out.setdefault(arg.name, []).append(convert(arg, word))
            else:
                out[positional.pop(0).name] = convert(arg, word)
        else:
            raise UserError("usage", f"{word!r} is too much for {spec.name}")
    return out


def convert(arg: Arg, text: str) -> Any:
    """A word as the type its argument has. Raises UserError naming both."""
    try:
        if arg.type in ("int", "track"):
            return int(text)
        if arg.type == "float":
            return float(text)
    except ValueError:
        raise UserError("usage", f"{arg.name} wants a number, not {text!r}") from None
    if arg.type == "choice" and text not in arg.choices:
        raise UserError("usage", f"{arg.name} is one of {', '.join(arg.choices)}")
    return text


def complete(text: str, jobs: Sequence[str] = ()) -> list[str]:
    """Whole lines that go on from what is typed, best first: verbs word by word, flags, choices, job ids."""
    words = text.split(" ")
    typed, done = words[-1], tuple(word for word in words[:-1] if word)
    head = " ".join(done) + (" " if done else "")
    spec = by_verb(done) if done else None
    if spec is None or len(done) < len(spec.verb):
        offers = {
            other.verb[len(done)]
            for other in SPECS
            if other.where != "cli" or other.name in VIEWS
            if len(other.verb) > len(done) and other.verb[: len(done)] == done
        }
        if not done:
            offers |= set(ALIASES)
    elif typed.startswith("-"):
        offers = {f"--{arg.name.replace('_', '-')}" for arg in spec.args if arg.flag}
    else:
        flag = done[-1][2:].replace("-", "_") if done[-1].startswith("--") else ""
        offers = {choice for arg in spec.args if (arg.name == flag if arg.flag else not flag) for choice in arg.choices}
        if any(arg.type == "job" for arg in spec.args):
            offers |= set(jobs)
    return [head + offer for offer in sorted(offers) if offer.startswith(typed) and offer != typed]


def hints(text: str, jobs: Sequence[str] = ()) -> tuple[list[str], str]:
    """What the row above the line shows: whole lines as `complete` offers them (after a word that is whole, what may follow it), and what the verb does."""
    offers = complete(text, jobs)
    if not offers and text.strip() and not text.endswith(" "):
        offers = complete(f"{text} ", jobs)
    words = tuple(text.split())
    spec = by_verb(words)
    if spec is None and len(words) == 1:  # a verb of one word, or a group, which shows its list
        spec = by_name(ALIASES.get(words[0], words[0])) or by_group(words[0])
    if spec is None and len(offers) == 1:
        spec = by_verb(tuple(offers[0].split()))
    if spec is None and not offers and words:  # a verb by its dotted name, or a group, with what it is about
        found = by_name(ALIASES.get(words[0], words[0])) or by_group(words[0])
        spec = found if found is not None and any(not arg.flag for arg in found.args) else None
    if spec is None:
        return offers, "" if offers or not words else f"there is no command {' '.join(words)!r}"
    where = "on the command line only" if spec.where == "cli" and spec.name not in VIEWS else ""
    args = " ".join(_shown(arg) for arg in spec.args if arg.name != "json")
    return offers, ": ".join(part for part in (where, spec.summary, args) if part)


def _shown(arg: Arg) -> str:
    name = f"--{arg.name.replace('_', '-')}" if arg.flag else arg.name.upper()
    return name if arg.required else f"[{name}]"
