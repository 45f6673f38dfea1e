"""Shell: `init`, `config show|check|path`, `completions`."""

from __future__ import annotations

import getpass
import os
import shutil
import sys
from pathlib import Path

from slskdn_tui.cli.context import Context, fold, interactive, put, put_json, say
from slskdn_tui.cli.present import units
from slskdn_tui.cli.present.completions import SHELLS
from slskdn_tui.config.files import write_private
from slskdn_tui.config.generate import default_file
from slskdn_tui.config.load import load_settings, warnings
from slskdn_tui.config.questions import QUESTIONS, Question, asked, settings_of, split, wrong
from slskdn_tui.model.errors import UserError

_ABORTED = UserError("interrupted", "stopped, nothing was written", "Run `slskdn init` again when you have an account name in mind.")
_MOST_SURPLUS = 1000


def _answer(question: Question, asking: bool) -> str | None:
    """One line from the terminal (secrets unseen) or from a pipe; None when the input has ended."""
    default = f" [{question.default}]" if question.default else ""
    if asking and question.secret:
        try:
            return getpass.getpass(f"{question.ask}: ", stream=sys.stderr)
        except EOFError:
            return None
    if asking:
        sys.stderr.write(f"{fold(f'{question.ask}{default}:', shutil.get_terminal_size().columns)} ")
        sys.stderr.flush()
    line = sys.stdin.readline()
    return line.rstrip("\r\n") if line else None


def ask_all(asking: bool) -> dict[str, str]:
    """All answers. A wrong one is asked again on a terminal, and is UserError `config` from a pipe; a pipe that ends leaves the defaults.

    A terminal must name an account: the end of input, or an empty line twice, is UserError `interrupted`.
    """
    answers: dict[str, str] = {}
    empty = 0
    for question in QUESTIONS:
        while asked(question, answers):
            answer = _answer(question, asking)
            if answer is None and not asking:
                return answers
            if answer is None:
                raise _ABORTED
            # A password may begin or end with a space; nothing else may.
            answer = answer if question.secret else answer.strip()
            if asking and question.name == "username" and not answer:
                empty += 1
                if empty == 2:
                    raise _ABORTED
                say("  Without an account nothing can be found. Any name that nobody has makes a new one; an empty line again stops here.")
                continue
            fault = wrong(question, answer, answers) or _cannot_make(question, answer)
            if not fault:
                answers[question.name] = answer
                break
            if not asking:
                raise UserError("config", f"{question.name}: `{answer or question.default}` cannot be taken", f"Wanted: {fault}.")
            say(f"  That cannot be taken. Wanted: {fault}.")
        if question.name == "share":
            _warn_of_missing(answers.get("share", ""))
    return answers


def _cannot_make(question: Question, answer: str) -> str:
    """Of the download folder: what is wanted when it is not there and cannot be made, or cannot be written."""
    if question.name != "folder":
        return ""
    folder = Path(answer or question.default).expanduser()
    there = next((part for part in (folder, *folder.parents) if part.exists()), Path("/"))
    if not there.is_dir():
        return f"a folder ({there} is a file)"
    if not os.access(there, os.W_OK | os.X_OK):
        return f"a folder you may write ({there} cannot be written by you)"
    return ""


def _warn_of_missing(share: str) -> None:
    for item in split(share):
        if not Path(item).expanduser().is_dir():
            say(f"  {item} is not there: nothing of it is shared until it is.")


def _surplus() -> int:
    """Lines of the pipe that no question took; does not wait for more to come."""
    try:
        handle = sys.stdin.fileno()
        before = os.get_blocking(handle)
        os.set_blocking(handle, False)
    except (OSError, ValueError):
        handle = -1  # no file behind it, so reading does not wait
    count = 0
    try:
        while count < _MOST_SURPLUS and (line := sys.stdin.readline()):
            count += bool(line.strip())
    except (BlockingIOError, TypeError):
        pass  # nothing there now; Pythons differ in how they say it
    finally:
        if handle >= 0:
            os.set_blocking(handle, before)
    return count


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
    if not settings.soulseek.password and not settings.soulseek.password_cmd:
        say("No password yet: set soulseek.password or soulseek.password_cmd in that file.")
    if not asking and (more := _surplus()):
        say(f"{units.plural(more, 'line')} of the input not used: more answers than questions. Look into the file.")
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
    path = Path(os.path.expanduser(given)) if given else context.paths.config_file
    if not given and not path.exists():
        load_settings(context.paths, context.environ)  # the environment's own values
        put(f"{path}: not there, defaults are in force (`slskdn init` writes it)")
        return 0
    found = warnings(path, {} if given else context.environ)
    for line in found:
        say(line)
    put(f"{path}: good" + (f", with {units.plural(len(found), 'warning')}" if found else ""))
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
        "quarantine": paths.quarantine,
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
