"""`slskdn bench fetch` begins its TCP connections before it loads what speaks over them: round trips and imports pass together. Shell."""

from __future__ import annotations

import socket

Knocks = dict[str, socket.socket]


def knock(peers: str) -> Knocks:
    """A non-blocking socket on its way to each literal IP address of ADDRESS:PORT,...; others, and those that fail at once, are left to be dialled."""
    begun: Knocks = {}
    for text in filter(None, peers.split(",")):
        host, _, port = text.rpartition(":")
        host = host.strip("[]")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            socket.inet_pton(family, host)
            sock = socket.socket(family, socket.SOCK_STREAM)
        except OSError:
            continue
        sock.setblocking(False)
        try:
            sock.connect((host, int(port)))
        except BlockingIOError:
            pass
        except (OSError, ValueError, OverflowError):
            sock.close()
            continue
        if text in begun:
            sock.close()
        else:
            begun[text] = sock
    return begun
