"""Free ports for tests that must know them beforehand, while other test processes run beside on the same addresses."""

from __future__ import annotations

import contextlib
import itertools
import os
import socket

# Below the range the kernel takes ports from by itself (32768 up), so that nobody is given one between the look and its use;
# each process looks in a block of its own.
_BLOCK, _BLOCKS, _FIRST = 125, 160, 10_000
_next = itertools.count()


def free_port(*hosts: str, kind: int = socket.SOCK_STREAM) -> int:
    """A TCP port (or, for `SOCK_DGRAM`, a UDP port) that is free on every one of these addresses."""
    for _ in range(_BLOCK):
        port = _FIRST + os.getpid() % _BLOCKS * _BLOCK + next(_next) % _BLOCK
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for host in hosts:
                family = socket.AF_INET6 if ":" in host else socket.AF_INET
                stack.enter_context(socket.socket(family, kind)).bind((host, port))
            return port
    raise RuntimeError(f"no port is free on {', '.join(hosts)}")


def has_ipv6() -> bool:
    """Whether this machine has ::1."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True
