"""Shell: where the account's password comes from: the file, the environment, or a command that prints it."""

from __future__ import annotations

import shlex
import subprocess

from slskdn_tui.config.settings import Settings
from slskdn_tui.model.errors import UserError

TIMEOUT_S = 30.0
_LIMIT = 1024


def resolve_password(settings: Settings, timeout_s: float = TIMEOUT_S) -> str:
    """The password, '' when none is set. Blocks while `password_cmd` runs: call it in a thread. Raises UserError `config`.

    The command is run without a shell (`sh -c "..."` for a pipe); the first line of its output counts. Its output is never shown.
    """
    if settings.soulseek.password:
        return settings.soulseek.password.reveal()
    command = settings.soulseek.password_cmd
    if not command:
        return ""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UserError("config", f"soulseek.password_cmd cannot be read: {error}", "Look for a missing quote.") from None
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            "config",
            f"soulseek.password_cmd (`{words[0]}`) gave no answer in {timeout_s:g} s",
            "Run it by hand: does it wait for a question? Unlock the password store first.",
        ) from None
    except (OSError, IndexError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is empty"
        raise UserError(
            "config", f"soulseek.password_cmd cannot be run: {reason}", "Give a program in your PATH, with its arguments."
        ) from None
    if done.returncode != 0:
        raise UserError(
            "config", f"soulseek.password_cmd (`{words[0]}`) ended with code {done.returncode}", "Run it by hand and see what it says."
        )
    line = done.stdout[:_LIMIT].split(b"\n", 1)[0].rstrip(b"\r")
    try:
        password = line.decode()
    except UnicodeDecodeError:
        raise UserError(
            "config", "soulseek.password_cmd printed something that is not UTF-8 text", "Let it print the password on the first line."
        ) from None
    if not password:
        raise UserError(
            "config", f"soulseek.password_cmd (`{words[0]}`) printed nothing on its first line", "Let it print the password there."
        )
    return password
