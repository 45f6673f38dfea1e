"""Shell: `init`, `config show|check|path`, `completions`."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

from slskdn_tui.cli.context import Context, interactive, put, put_json, say
from slskdn_tui.cli.present.completions import SHELLS
from slskdn_tui.config.files import write_private
from slskdn_tui.config.generate import default_file
from slskdn_tui.config.load import load_file
from slskdn_tui.config.questions import QUESTIONS, Question, asked, settings_of
from slskdn_tui.model.errors import UserError


def _answer(question: Question, asking: bool) -> str | None:
    """One line from the terminal (secrets unseen) or from a pipe; None when the input has ended."""
    default = f" [{question.default}]" if question.default else ""
    if asking and question.secret:
        return getpass.getpass(f"{question.ask}: ", stream=sys.stderr)
    if asking:
        sys.stderr.write(f"{question.ask}{default}: ")
        sys.stderr.flush()
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None


def ask_all(asking: bool) -> dict[str, str]:
    """All answers. A wrong one is asked again on a terminal, and is UserError `config` from a pipe; a pipe that ends leaves the defaults."""
    answers: dict[str, str] = {}
    for question in QUESTIONS:
        while asked(question, answers):
            answer = _answer(question, asking)
            if answer is None:
                return answers
            # A password may begin or end with a space; nothing else may.
            answer = answer if question.secret else answer.strip()
            wrong = question.wrong(answer) if answer else ""
            if not wrong:
                answers[question.name] = answer
                break
            if not asking:
                raise UserError("config", f"{question.name}: `{answer}` cannot be taken", f"Wanted: {wrong}.")
            say(f"  That cannot be taken. Wanted: {wrong}.")
    return answers


def init(context: Context) -> int:
    target = context.paths.config_file
    force = bool(context.args.get("force"))
    if target.exists() and not force:
        raise UserError("refused", f"{target} exists already", "Edit it, or add --force to write it anew (your old values are lost).")
    asking = interactive()
    if asking:
        say("A few questions; enter takes what stands in [brackets]. Everything can be changed in the file later.")
    settings = settings_of(ask_all(asking))
    write_private(target, default_file(settings), overwrite=force)
    put(str(target))
    if not settings.soulseek.username:
        say("No account yet: set soulseek.username in that file.")
    say("Next: `slskdn check` looks at ports, folders and terminal; `slskdn` opens the screens.")
    return 0


def show(context: Context) -> int:
    """The settings in force: file and environment; secrets as stars."""
    if context.json:
        put_json(context.settings.model_dump(mode="json"))
    else:
        put(default_file(context.settings, reveal=False))
    return 0


def check(context: Context) -> int:
    given = context.args.get("file")
    path = Path(given).expanduser() if given else context.paths.config_file
    if not given and not path.exists():
        put(f"{path}: not there, defaults are in force (`slskdn init` writes it)")
        return 0
    load_file(path, {} if given else context.environ)
    put(f"{path}: good")
    return 0


def path(context: Context) -> int:
    paths = context.paths
    rows = {
        "config": paths.config_file,
        "data": paths.data,
        "state": paths.state,
        "cache": paths.cache,
        "runtime": paths.runtime,
        "jobs": paths.jobs,
        "incomplete": paths.incomplete,
        "log": paths.log_file,
        "socket": paths.socket,
    }
    if context.json:
        put_json({name: str(where) for name, where in rows.items()})
    else:
        context.put_lines(f"{name:<11} {where}" for name, where in rows.items())
    return 0


def completions(context: Context) -> int:
    put(SHELLS[context.args["shell"]]())
    return 0
