"""The control socket's frames and its address: u32 length (big-endian), then that many bytes of UTF-8 JSON. Shells a stream reader.

docs/protocol/control.md is this protocol's page.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
from collections.abc import Iterator
from pathlib import Path

from slskdn_tui.model.errors import UserError

VERSION = 1
MAX_REQUEST = 1024 * 1024
MAX_REPLY = 16 * 1024 * 1024
FRAME_S = 30.0
"""A frame that has begun must be there, and a reply must be taken, within this time."""
_PATH_MAX = 107  # sun_path holds 108 bytes with its final zero
_LENGTH = struct.Struct(">I")


class FrameError(Exception):
    """The other side broke the framing; the connection is of no more use."""


def frame(payload: bytes) -> bytes:
    return _LENGTH.pack(len(payload)) + payload


async def read_frame(reader: asyncio.StreamReader, limit: int) -> bytes | None:
    """The next frame's payload, or None when the other side has closed between frames. FrameError when it is too long, late or cut short."""
    try:
        head = await reader.readexactly(_LENGTH.size)
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise FrameError("closed inside a frame") from error
        return None
    except ConnectionError:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > limit:
        raise FrameError(f"a frame of {length} bytes is over the limit of {limit}")
    try:
        async with asyncio.timeout(FRAME_S):
            return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise FrameError("closed inside a frame") from error
    except TimeoutError as error:
        raise FrameError(f"a frame took longer than {FRAME_S:.0f} s") from error


@contextlib.contextmanager
def address(path: Path) -> Iterator[str]:
    """The name under which `path` can be bound or connected; valid inside the `with`.

    A Unix socket's name holds 107 bytes. A longer one is reached through its open folder (`/proc/self/fd/N/engine.sock`), so it needs no second
    place. Raises UserError `config` where there is no /proc.
    """
    if len(os.fsencode(path)) <= _PATH_MAX:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        short = f"/proc/self/fd/{folder}/{path.name}"
        if not os.path.isdir(f"/proc/self/fd/{folder}") or len(os.fsencode(short)) > _PATH_MAX:
            raise UserError(
                "config",
                f"the control socket's path is too long for this system: {path}",
                f"use a profile with a shorter path (at most {_PATH_MAX} bytes with its /run/engine.sock)",
            )
        yield short
    finally:
        os.close(folder)
