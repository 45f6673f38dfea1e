"""Shell: the screens, `serve`, `demo`, `bench`. What they do is handed in; this checks that it can begin."""

from __future__ import annotations

import os
import sys

from slskdn_tui.cli.context import Context
from slskdn_tui.cli.hooks import DemoOptions
from slskdn_tui.config.rules import host_port
from slskdn_tui.model.errors import UserError


def need_terminal(context: Context, instead: str) -> None:
    """Raises UserError `terminal` when screens cannot open here."""
    term = context.environ.get("TERM", "")
    if not (sys.stdin.isatty() and sys.stdout.isatty()) or term in ("", "dumb"):
        raise UserError(
            "terminal", "no usable terminal for the screens" + (f" (TERM is `{term}`)" if term in ("", "dumb") else ""), instead
        )


def screens(context: Context) -> int:
    settings = context.settings  # a wrong file is told before the screen is cleared
    need_terminal(context, "Every screen has a command that prints the same facts: `slskdn status`, `slskdn jobs list`, `slskdn --help`.")
    return context.hooks.screens(context.paths, settings, context.invocation.options)


def serve(context: Context) -> int:
    return context.hooks.serve(context.paths, context.settings)


def demo(context: Context) -> int:
    args = context.args
    if not args["headless"]:
        need_terminal(context, "Run `slskdn demo --headless`.")
    keep = os.path.abspath(os.path.expanduser(args["keep"])) if args["keep"] else None
    options = DemoOptions(
        headless=args["headless"],
        json=args["json"],
        keep=keep,
        no_overlay=args["no_overlay"],
        honest=args["honest"],
        timeout_s=args["timeout"],
        app=context.invocation.options,
    )
    return context.hooks.demo(options)


def bench_serve(context: Context) -> int:
    _address("--listen", context.args["listen"])
    return context.hooks.bench_serve(context.args["listen"], context.args["ready"], context.args["file"])


def bench_fetch(context: Context) -> int:
    for item in context.args["peers"].split(","):
        _address("--peers", item.strip())
    return context.hooks.bench_fetch(context.args["out"], context.args["peers"], context.json)


def _address(flag: str, text: str) -> None:
    if not host_port(text) and not (text.endswith(":0") and host_port(text[:-1] + "1")):
        raise UserError("usage", f"{flag}: `{text}` is not ADDRESS:PORT", "E.g. 127.0.0.1:50400.")
