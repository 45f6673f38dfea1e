"""Shell: the two ways to tell others about an album: a command run without a shell, and an HTTP POST to one checked address.

Both are bounded in time and in what they may say; both raise `NotTold` with words for the log.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import shlex
import signal
import socket
import ssl
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import unquote, urlsplit

from slskdn_tui import __version__
from slskdn_tui.engine.peers.addresses import AddressPolicy
from slskdn_tui.model.text import SafeText

OUTPUT = 4096
"""So many bytes of what a command says are kept; the rest is read and thrown away."""
REPLY_LINE = 8192


class NotTold(Exception):
    """Nobody was told. `again`: trying once more may help."""

    def __init__(self, words: str, again: bool = False) -> None:
        super().__init__(str(SafeText(words)))
        self.again = again


async def run_command(command: str, facts: Mapping[str, str], folder: str, timeout_s: float) -> str:
    """Run it with `facts` as SLSKDN_* variables and the folder as its last argument; the beginning of its output.

    Settings given by environment (a password may be among them) are not handed on. After `timeout_s` it is killed with all it started in its group.
    """
    environment = {name: value for name, value in os.environ.items() if not (name.startswith("SLSKDN_") and "__" in name)}
    environment |= {f"SLSKDN_{name.upper()}": value for name, value in facts.items()}
    try:
        process = await asyncio.create_subprocess_exec(
            *shlex.split(command),
            folder,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            env=environment,
            start_new_session=True,  # a group of its own, to be killed whole; and ctrl+c is for the engine
        )
    except (OSError, ValueError) as error:
        raise NotTold(f"notices.command cannot be run: {getattr(error, 'strerror', None) or error}") from None
    kept = bytearray()
    reading = asyncio.ensure_future(_drain(process, kept))
    try:
        async with asyncio.timeout(timeout_s):
            code = await process.wait()
        await asyncio.wait({reading}, timeout=0.5)  # what it left running may hold the pipe open for ever
    except TimeoutError:
        raise NotTold(f"notices.command did not end within {timeout_s:g} s and was killed{_said(kept)}") from None
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await asyncio.shield(process.wait())
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        process._transport.close()  # type: ignore[attr-defined]  # no public way to let go of the pipe of a child's child
    if code:
        raise NotTold(f"notices.command ended with code {code}{_said(kept)}")
    return _said(kept)


async def _drain(process: Process, kept: bytearray) -> None:
    assert process.stdout is not None
    while data := await process.stdout.read(4096):
        kept += data[: OUTPUT - len(kept)]


def _said(kept: bytes | bytearray) -> str:
    words = kept.decode("utf-8", "replace").strip()
    return f": {SafeText(words, 400)}" if words else ""


async def post(url: str, body: Mapping[str, object], policy: AddressPolicy, timeout_s: float) -> str:
    """POST `body` as JSON; the reply's status line.

    The name is resolved once, its addresses are held against `policy`, and the connection goes to exactly the address that passed: a name that answers
    differently the next time leads nowhere else. Redirects are not followed, and of the reply only the first line is read.
    """
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
    try:
        async with asyncio.timeout(timeout_s):
            address = await _address(host, port, policy)
            secure = ssl.create_default_context() if parts.scheme == "https" else None
            reader, writer = await asyncio.open_connection(
                address, port, ssl=secure, server_hostname=host if secure else None, limit=REPLY_LINE
            )
            try:
                writer.write(_request(url, json.dumps(body).encode()))
                await writer.drain()
                line = await reader.readline()
            finally:
                writer.transport.abort()
    except TimeoutError:
        raise NotTold(f"the webhook gave no answer in {timeout_s:g} s", again=True) from None
    except (OSError, ValueError) as error:
        raise NotTold(f"the webhook cannot be reached: {getattr(error, 'strerror', None) or error}", again=True) from None
    words = line.decode("latin-1").split(maxsplit=2)
    status = int(words[1]) if len(words) > 1 and words[0].startswith("HTTP/") and words[1].isdecimal() else 0
    if 200 <= status < 300:
        return f"status {status}"
    if 300 <= status < 400:
        raise NotTold(f"the webhook answered with a redirect ({status}), which is not followed; set notices.webhook to where it leads")
    raise NotTold(f"the webhook answered {status or 'something that is not HTTP'}", again=status >= 500 or status == 429)


async def _address(host: str, port: int, policy: AddressPolicy) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    addresses = [str(entry[4][0]) for entry in found]
    for address in addresses:
        if policy.allows(address, port):
            return address
    raise NotTold(
        f"nothing was sent: the webhook's host {host} is at {', '.join(addresses[:3])}, a private address that network.permit does not cover"
    )


def _request(url: str, body: bytes) -> bytes:
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc.rpartition('@')[2]}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        f"User-Agent: slskdn-tui/{__version__}",
        "Connection: close",
    ]
    if parts.username is not None:
        account = f"{unquote(parts.username)}:{unquote(parts.password or '')}".encode()
        lines.append(f"Authorization: Basic {base64.b64encode(account).decode()}")
    return "\r\n".join(lines).encode("ascii", "replace") + b"\r\n\r\n" + body
