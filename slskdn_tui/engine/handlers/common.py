"""What every command handler uses: checked arguments, answers, files written for the user. Shell of shells."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from slskdn_tui.commands import Arg, CommandSpec, by_name
from slskdn_tui.engine.parts import Parts
from slskdn_tui.model.errors import UserError
from slskdn_tui.model.jobs import Constraints
from slskdn_tui.model.text import SafeText
from slskdn_tui.seam import Command, Result

Args = dict[str, Any]
Handler = Callable[[Parts, Args], Awaitable[Result]]


def checked(command: Command) -> tuple[CommandSpec, Args]:
    """The command's spec and its arguments with defaults; UserError `usage` for what does not fit. Faces check too; the socket is open to scripts."""
    spec = by_name(command.name)
    if spec is None or spec.where != "engine":
        raise UserError("usage", f"no command {command.name!r} for the engine", "`slskdn --help` lists them")
    known = {arg.name: arg for arg in spec.args}
    unknown = set(command.args) - set(known)
    if unknown:
        raise UserError("usage", f"{command.name} takes no {', '.join(sorted(unknown))}", f"it takes {', '.join(known) or 'nothing'}")
    args: Args = {}
    for arg in spec.args:
        value = command.args.get(arg.name, arg.default)
        if value is None:
            if arg.required:
                raise UserError("usage", f"{command.name} needs {arg.name}", arg.help)
        elif not (_fits_all(arg, value) if arg.many else _fits(arg, value)):
            raise UserError("usage", f"{command.name}: {arg.name} is {value!r}, which is not a {arg.type}", arg.help)
        args[arg.name] = value
    return spec, args


def _fits_all(arg: Arg, values: Any) -> bool:
    """A list of at most 10,000 values; one value alone stands for a list of one."""
    return isinstance(values, list) and len(values) <= 10_000 and all(_fits(arg, value) for value in values)


def _fits(arg: Arg, value: Any) -> bool:
    match arg.type:
        case "bool":
            return isinstance(value, bool)
        case "int" | "track":
            return isinstance(value, int) and not isinstance(value, bool)
        case "float":
            return isinstance(value, int | float) and not isinstance(value, bool)
        case "choice":
            return value in arg.choices
    return isinstance(value, str) and len(value) <= 4096


def constraints_of(args: Args) -> Constraints:
    """The constraints that a command's arguments (`CONSTRAINT_ARGS`) say."""
    return Constraints(
        preferred_codecs=tuple(part.strip().upper() for part in (args["codecs"] or "FLAC").split(",") if part.strip()),
        max_lossy_tracks_per_album=max(0, args["max_lossy"] or 0),
        prefer_canonical_variants=args["canonical"],
        use_overlay=args["overlay"],
        overlay_bandwidth_kbps=max(0, args["overlay_kbps"] or 0),
        allow_mixed_sources=bool(args["mix"]),
    )


def words(value: list[str] | str) -> str:
    """Words of the command line as one text; from the screens it is one already."""
    return value if isinstance(value, str) else " ".join(value)


def done(message: str, **data: Any) -> Result:
    return Result("ok", SafeText(message), data=data)


def write_new(name: str, text: str) -> Path:
    """Write a file the user named; never over another one."""
    path = Path(os.path.expanduser(name)).absolute()
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    except FileExistsError:
        raise UserError("disk", f"{path} exists", "give another name, or remove it first") from None
    except OSError as error:
        raise UserError("disk", f"cannot write {path}: {error.strerror}", "give a folder that exists and can be written") from error
    with open(handle, "w", encoding="utf-8") as out:
        out.write(text)
    return path
