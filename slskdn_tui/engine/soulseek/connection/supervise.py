"""Core: the words and waits of a Soulseek session. A state says what it means and what to do; a wait comes from a passed-in random."""

from __future__ import annotations

import errno
import os
import random
import re
import socket
from dataclasses import dataclass
from typing import Literal, overload

from slskdn_tui.model.errors import UserError

State = Literal["off", "offline", "connecting", "online", "kicked", "refused"]
MOST_WAIT_S = 300.0
_REASONS = {
    errno.ECONNREFUSED: "nothing listens there",
    errno.ETIMEDOUT: "no answer in time",
    errno.ENETUNREACH: "no network leads there",
    errno.EHOSTUNREACH: "no way leads there",
    errno.EADDRINUSE: "already in use",
    errno.EADDRNOTAVAIL: "not an address of this machine",
    errno.EACCES: "not permitted; ports below 1024 belong to the system",
}


@dataclass(frozen=True, slots=True)
class Status:
    """A session's state with its sentence; `error` where a command should fail with a code and a hint."""

    state: State
    words: str
    error: UserError | None = None


def failed(state: State, code: str, message: str, hint: str) -> Status:
    return Status(state, f"{message}; {hint}", UserError(code, message, hint))


OFF = Status(
    "off", "switched off: soulseek.enabled is false", UserError("network", "Soulseek is switched off", "set soulseek.enabled: true")
)
STOPPED = Status("off", "stopped", UserError("network", "the Soulseek session has ended", "start the engine again"))


def no_account() -> Status:
    return failed("refused", "auth", "no account is set", "run `slskdn init`, or set soulseek.username and soulseek.password")


def connecting(server: str) -> Status:
    return Status("connecting", f"connecting to {server}")


def online(username: str, server: str) -> Status:
    return Status("online", f"logged in to {server} as {username}")


def switched_port(port: int, source: str, old: int) -> str:
    return f"now listening on port {port} (from {source}); port {old} was given up, transfers under way go on"


def port_kept(source: str, why: str, port: int) -> str:
    return f"{source} {why}; port {port} stays, until the file holds a port"


def port_taken(source: str, port: int, reason: str, kept: int) -> str:
    return f"port {port} (from {source}) cannot be had ({reason}); port {kept} stays, and {port} is tried again"


def reason_of(cause: BaseException) -> str:
    """Why a connection failed, without the numbers and tuples of the operating system's words; '' when nobody knows."""
    if isinstance(cause, socket.gaierror):
        return "the name is not known; is the network up?"
    if not isinstance(cause, OSError):
        return str(cause)
    inside = re.search(r"\[Errno (\d+)\]", str(cause))  # several addresses of a name failed: the first one's number
    number = cause.errno or (int(inside[1]) if inside else 0)
    return _REASONS.get(number) or (os.strerror(number).lower() if number else str(cause))


def unreachable(server: str, reason: str, wait: float) -> Status:
    hint = f"trying again in {wait:.0f} s; check soulseek.server and your connection"
    return failed("offline", "network", f"cannot reach the Soulseek server {server} ({reason})", hint)


def unanswered(server: str, wait: float) -> Status:
    hint = f"trying again in {wait:.0f} s; a server that closes without a word may have banned this address for 30 minutes"
    return failed("offline", "network", f"{server} closed the connection at login", hint)


def dropped(server: str, wait: float) -> Status:
    return failed("offline", "network", f"{server} closed the connection", f"reconnecting in {wait:.0f} s")


def port_in_use(address: str, port: int, reason: str, wait: float) -> Status:
    hint = f"set soulseek.listen_port to a free port, or stop the program that has it; trying again in {wait:.0f} s"
    return failed("offline", "port", f"cannot listen on {address}:{port} ({reason})", hint)


def kicked(username: str) -> Status:
    hint = "log out there, then reconnect here; this program does not fight over an account"
    return failed("kicked", "auth", f"{username} logged in from another place", hint)


REFUSALS = {
    "INVALIDPASS": "the password is wrong; set soulseek.password and start slskdn again (a name that is taken needs its own password)",
    "INVALIDUSERNAME": "the name is not allowed: 1 to 30 printable ASCII characters, no spaces around it; set soulseek.username and start slskdn again",
    "INVALIDVERSION": "the server wants another client version; update slskdn-tui",
    "SVRFULL": "the server takes no more users now; reconnect later",
    "SVRPRIVATE": "this server is private; set soulseek.server",
}


def refused(username: str, reason: str) -> Status:
    hint = REFUSALS.get(reason.split()[0] if reason.split() else "", "check soulseek.username and soulseek.password")
    return failed("refused", "auth", f"the server refused {username} ({reason or 'no reason given'})", hint)


Passing = Literal["unreachable", "unanswered", "dropped"]
"""Ends of a login or session that mend by themselves: no connection; closed at login (perhaps a ban); closed later."""
ForGood = Literal["kicked", "refused"]
"""Logged in elsewhere; the server said no: nobody logs in again but the user."""
GOOD_SESSION_S = 60.0


class Waits:
    """When the next login may be. The first wait is `first` to three times that, at random; each further one doubles, to five minutes. A good session starts over."""

    def __init__(self, first: float, rng: random.Random) -> None:
        self._first = first
        self._rng = rng
        self._last = 0.0

    @overload
    def after(self, end: Passing, lasted: float = 0.0) -> float: ...

    @overload
    def after(self, end: ForGood, lasted: float = 0.0) -> None: ...

    def after(self, end: Passing | ForGood, lasted: float = 0.0) -> float | None:
        """Seconds until the next login after one that ended so and `lasted` seconds online; None: not before the user asks."""
        if end in ("kicked", "refused"):
            return None
        if lasted > GOOD_SESSION_S:
            self.reset()
        return self.next()

    def next(self) -> float:
        self._last = min(MOST_WAIT_S, self._last * 2) if self._last else self._rng.uniform(self._first, 3 * self._first)
        return self._last

    def reset(self) -> None:
        self._last = 0.0
