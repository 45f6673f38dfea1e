"""The command line as typed becomes an `Invocation`. Core: builds the parser from the command table, does nothing."""

from __future__ import annotations

import argparse
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from slskdn_tui.cli.hooks import AppOptions
from slskdn_tui.cli.present import help as helps
from slskdn_tui.commands import Arg, CommandSpec, by_group
from slskdn_tui.config.describe import nearest
from slskdn_tui.model.errors import UserError

_CHOICE = re.compile(r"invalid choice: '(.*)' \(choose from (.*)\)", re.DOTALL)
_WRONG = re.compile(r"argument (\S+): invalid (int|float|_positive) value: '(.*)'", re.DOTALL)
_KINDS = {"int": "a whole number", "float": "a number", "_positive": "a number"}
_TRUE = frozenset(("1", "true", "yes", "on"))
_FALSE = frozenset(("0", "false", "no", "off"))


@dataclass(frozen=True, slots=True)
class Invocation:
    """What was asked: `spec` None opens the screens; `args` are plain values by name; `help` is text to print instead of acting."""

    spec: CommandSpec | None
    args: dict[str, Any] = field(default_factory=dict)
    profile: Path | None = None
    options: AppOptions = field(default_factory=AppOptions)
    help: str = ""


class _Parser(argparse.ArgumentParser):
    """argparse, with our help texts and with errors raised rather than printed."""

    words = ""
    text = ""

    def format_help(self) -> str:
        return self.text

    def error(self, message: str) -> NoReturn:
        match = _CHOICE.search(message)
        hint = f"See `{self.words} --help`."
        if match:
            known = [word.strip(" '") for word in match[2].split(",")]
            guess = nearest(match[1], known)
            message = f"`{match[1]}` is not one of: {', '.join(known)}"
            hint = (f"Did you mean `{guess}`? " if guess else "") + hint
        if match := _WRONG.search(message):
            message = f"`{match[1]}` wants {_KINDS[match[2]]}, not `{match[3]}`"
        where = self.words.removeprefix("slskdn").strip()
        raise UserError("usage", f"{where}: {message}" if where else message, hint)


class _Help(argparse.Action):
    """Stores the help text instead of printing it and leaving."""

    def __init__(self, option_strings: Sequence[str], dest: str, text: str = "", **rest: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, default=argparse.SUPPRESS, **rest)
        self.text = text

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: argparse.Namespace, values: Any, option_string: str | None = None
    ) -> None:
        raise _Wanted(self.text)


class _Wanted(Exception):
    """Help was asked for."""


def _new(words: str, text: str) -> _Parser:
    parser = _Parser(prog=words, add_help=False, allow_abbrev=False)
    parser.words, parser.text = words, text
    parser.add_argument("--help", "-h", action=_Help, text=text)
    parser.add_argument("--profile", type=Path, default=argparse.SUPPRESS)
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if not 0.1 <= value <= 10:
        raise argparse.ArgumentTypeError("a number from 0.1 to 10 is wanted")
    return value


def _switch(text: str) -> bool:
    if text.lower() in _TRUE | _FALSE:
        return text.lower() in _TRUE
    raise argparse.ArgumentTypeError("true or false is wanted")


def _add(parser: argparse.ArgumentParser, arg: Arg) -> None:
    kinds: dict[str, Any] = {"int": int, "track": int, "float": float}
    extra: dict[str, Any] = {"default": arg.default, "type": kinds.get(arg.type, str)}
    if arg.choices:
        extra["choices"] = arg.choices
    if arg.flag and arg.type == "bool":
        if helps.negatable(arg):
            parser.add_argument(helps.flag_name(arg), dest=arg.name, action=argparse.BooleanOptionalAction, default=True)
        else:
            parser.add_argument(helps.flag_name(arg), dest=arg.name, action="store_true", default=bool(arg.default))
    elif arg.flag:
        parser.add_argument(helps.flag_name(arg), dest=arg.name, required=arg.required, metavar=helps.metavar(arg), **extra)
    else:
        if arg.type == "bool":
            extra["type"] = _switch
        nargs = ("+" if arg.required else "*") if arg.many else None if arg.required else "?"
        parser.add_argument(arg.name, nargs=nargs, **extra)


def build(version: str) -> argparse.ArgumentParser:
    """The whole parser."""
    root = _new("slskdn", helps.help_root())
    root.add_argument("--version", action=_Help, text=f"slskdn {version}\n")
    root.add_argument("--theme", default=None)
    root.add_argument("--ascii", action="store_true", dest="app_ascii")
    root.add_argument("--no-mouse", action="store_true")
    root.add_argument("--refresh", type=_positive, default=None)
    root.add_argument("--low-bandwidth", action="store_true")
    root.add_argument("--readonly", action="store_true")
    top = root.add_subparsers(metavar="COMMAND")
    groups: dict[str, Any] = {}
    for spec in helps.verbs():
        words = "slskdn " + " ".join(spec.verb)
        branch = top
        for depth in range(1, len(spec.verb)):
            group = " ".join(spec.verb[:depth])
            if group not in groups:
                made = branch.add_parser(spec.verb[depth - 1], add_help=False, allow_abbrev=False)
                assert isinstance(made, _Parser)
                made.words, made.text = f"slskdn {group}", helps.help_group(group)
                made.add_argument("--help", "-h", action=_Help, text=made.text)
                made.add_argument("--profile", type=Path, default=argparse.SUPPRESS)
                bare = by_group(group)
                groups[group] = made.add_subparsers(metavar="COMMAND", dest=f"command{depth}", required=bare is None)
                if bare is not None:
                    for arg in bare.args:
                        if arg.flag:
                            _add(made, arg)
                    made.set_defaults(spec=bare)
            branch = groups[group]
        leaf = branch.add_parser(spec.verb[-1], add_help=False, allow_abbrev=False)
        assert isinstance(leaf, _Parser)
        leaf.words, leaf.text = words, helps.help_verb(spec)
        leaf.add_argument("--help", "-h", action=_Help, text=leaf.text)
        leaf.add_argument("--profile", type=Path, default=argparse.SUPPRESS)
        for arg in spec.args:
            _add(leaf, arg)
        if helps.asks(spec):
            leaf.add_argument("--yes", action="store_true")
        leaf.set_defaults(spec=spec)
    return root


def parse(argv: Sequence[str], environ: Mapping[str, str], version: str) -> Invocation:
    """Read a command line. Raises UserError `usage`."""
    try:
        found = build(version).parse_args(list(argv))
    except _Wanted as wanted:
        return Invocation(None, help=str(wanted))
    spec: CommandSpec | None = getattr(found, "spec", None)
    names = [arg.name for arg in spec.args] + ["yes"] if spec is not None else []
    profile = getattr(found, "profile", None) or (Path(environ["SLSKDN_PROFILE"]) if environ.get("SLSKDN_PROFILE") else None)
    options = AppOptions(
        theme=found.theme,
        ascii=found.app_ascii,
        mouse=not found.no_mouse,
        refresh_hz=found.refresh,
        low_bandwidth=found.low_bandwidth,
        readonly=found.readonly,
    )
    return Invocation(spec, {name: getattr(found, name) for name in names if hasattr(found, name)}, profile, options)
