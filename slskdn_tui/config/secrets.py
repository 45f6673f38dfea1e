"""Shell: where the account's password and Discogs' token come from: the file, the environment, or a command that prints it."""

from __future__ import annotations

import shlex
import subprocess

from slskdn_tui.config.settings import Discogs, Secret, Settings
from slskdn_tui.model.errors import UserError

TIMEOUT_S = 30.0
_LIMIT = 1024


def resolve_password(settings: Settings, timeout_s: float = TIMEOUT_S) -> str:
    """The account's password, '' when none is set. Blocks while `password_cmd` runs: call it in a thread. Raises UserError `config`."""
    return _resolve(settings.soulseek.password, settings.soulseek.password_cmd, "soulseek.password_cmd", timeout_s)


def resolve_token(settings: Discogs, timeout_s: float = TIMEOUT_S) -> str:
    """Discogs' token; otherwise as `resolve_password`."""
    return _resolve(settings.token, settings.token_cmd, "discogs.token_cmd", timeout_s)


def _resolve(secret: Secret, command: str, name: str, timeout_s: float) -> str:
    """The command is run without a shell (`sh -c "..."` for a pipe); the first line of its output counts. Its output is never shown."""
    if secret:
        return secret.reveal()
    if not command:
        return ""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise UserError("config", f"{name} cannot be read: {error}", "Look for a missing quote.") from None
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=timeout_s, check=False
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            "config",
            f"{name} (`{words[0]}`) gave no answer in {timeout_s:g} s",
            "Run it by hand: does it wait for a question? Unlock the password store first.",
        ) from None
    except (OSError, IndexError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is empty"
        raise UserError("config", f"{name} cannot be run: {reason}", "Give a program in your PATH, with its arguments.") from None
    if done.returncode != 0:
        raise UserError("config", f"{name} (`{words[0]}`) ended with code {done.returncode}", "Run it by hand and see what it says.")
    line = done.stdout[:_LIMIT].split(b"\n", 1)[0].rstrip(b"\r")
    try:
        said = line.decode()
    except UnicodeDecodeError:
        raise UserError("config", f"{name} printed something that is not UTF-8 text", "Let it print it on the first line.") from None
    if not said:
        raise UserError("config", f"{name} (`{words[0]}`) printed nothing on its first line", "Let it print it there.")
    return said
