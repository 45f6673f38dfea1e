"""Shell: every verb that the engine carries out goes through here: arguments from the table, the question before danger, the answer printed."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from slskdn_tui.cli.context import Context, complain, interactive, put, put_json, say
from slskdn_tui.cli.hooks import Need
from slskdn_tui.commands import CommandSpec
from slskdn_tui.model.errors import EXIT, UserError
from slskdn_tui.seam import Command, EngineProtocol, Result

FACE_ONLY = frozenset(("json", "yes"))  # for the face, not sent
READING = frozenset(("jobs.export", "trace.export"))  # what a read-only engine can do as well
TEXTS = ("manifest", "text")  # data that is the verb's whole output
FILES = {"trace.export": "{job}.trace.json"}  # where to write when no --out is given: here, not where the engine stands


def arguments(spec: CommandSpec, args: dict[str, Any]) -> dict[str, Any]:
    """What is sent: values given or defaulted, paths made absolute because the engine has another working folder. Pure but for the working folder."""
    sent: dict[str, Any] = {}
    for arg in spec.args:
        value = args.get(arg.name)
        if value is None and arg.name == "out" and spec.name in FILES:
            value = FILES[spec.name].format(**args)
        if arg.name in FACE_ONLY or value is None:
            continue
        if arg.type == "path":
            value = [_absolute(item) for item in value] if isinstance(value, list) else _absolute(value)
        sent[arg.name] = value
    return sent


def _absolute(text: str) -> str:
    return str(Path(os.path.expanduser(text)).absolute())


def confirm(spec: CommandSpec, yes: bool) -> None:
    """Ask before something is lost. Raises UserError: `refused` without a terminal and without --yes, `interrupted` on a no."""
    if not spec.danger or yes:
        return
    if not interactive():
        raise UserError("refused", spec.danger, "There is no terminal to ask on: add --yes if you mean it.")
    say(f"{spec.danger} [y/N]")
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise UserError("interrupted", "Not done.", "")


def act(context: Context) -> int:
    """Submit the verb's command and print what became of it."""
    spec = context.invocation.spec
    assert spec is not None
    confirm(spec, bool(context.args.get("yes")))
    command = Command(spec.name, arguments(spec, context.args))
    need: Need = "any" if spec.name in READING else "live"

    async def work(engine: EngineProtocol) -> Result:
        return await engine.submit(command)

    return report(context.with_engine(need, work), as_json=context.json)


def report(result: Result, *, as_json: bool) -> int:
    """Print a result: a manifest or the message to stdout, failures and what to do next to stderr; returns the exit code."""
    if as_json:
        put_json({"code": result.code, "message": str(result.message), "hint": str(result.hint), **result.data})
    if not result.ok:
        complain(result.message, result.hint)
    elif not as_json:
        text = next((result.data[name] for name in TEXTS if isinstance(result.data.get(name), str)), None)
        if text is not None:
            put(text)
            if result.message:
                say(str(result.message))
        elif result.message:
            put(str(result.message))
        if result.hint:
            say(str(result.hint))
    return EXIT[result.code][0] if result.code in EXIT else EXIT["failed"][0]
