"""libtorrent DHT nodes on 127.1.x.1 for tests: one /24 each, knowing one another; everything but the DHT off."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest

lt = pytest.importorskip("libtorrent", reason="libtorrent is not installed (pip install '.[interop]')")


def free_port(hosts: list[str]) -> int:
    """A UDP port that is free on every one of these addresses."""
    six = socket.AF_INET6 if ":" in hosts[0] else socket.AF_INET
    for _ in range(50):
        with contextlib.ExitStack() as stack:
            first = stack.enter_context(socket.socket(six, socket.SOCK_DGRAM))
            first.bind((hosts[0], 0))
            port = first.getsockname()[1]
            try:
                for host in hosts[1:]:
                    stack.enter_context(socket.socket(six, socket.SOCK_DGRAM)).bind((host, port))
            except OSError:
                continue
            return int(port)
    raise RuntimeError("no port is free on all addresses")


def session(address: tuple[str, int]) -> Any:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return lt.session(
        {
            "listen_interfaces": f"{host}:{address[1]}",
            "enable_dht": True,
            "dht_bootstrap_nodes": "",
            "dht_restrict_routing_ips": False,
            "dht_restrict_search_ips": False,
            "dht_block_ratelimit": 100_000,
            "dht_upload_rate_limit": 100_000_000,
            "dht_ignore_dark_internet": False,
            "enable_lsd": False,
            "enable_upnp": False,
            "enable_natpmp": False,
            "enable_outgoing_utp": False,
            "enable_incoming_utp": False,
            "alert_mask": lt.alert.category_t.dht_notification | lt.alert.category_t.dht_operation_notification,
        }
    )


class Libtorrent:
    """`count` sessions from 127.1.`first`.1 on."""

    def __init__(self, count: int, first: int = 100) -> None:
        hosts = [f"127.1.{first + n}.1" for n in range(count)]
        port = free_port(hosts)
        self.addresses = [(host, port) for host in hosts]
        self.sessions = [session(address) for address in self.addresses]

    def meet(self, address: tuple[str, int]) -> None:
        """Have every session ping a newcomer now: left alone each takes up one new node in 5 s."""
        for one in self.sessions:
            one.add_dht_node(address)

    async def wait_until_connected(self, least: int, seconds: float = 240.0) -> None:
        end, primed = time.monotonic() + seconds, 0.0
        sizes = [0] * len(self.sessions)
        while time.monotonic() < end:
            if time.monotonic() - primed > 2:  # a ping to a session that does not listen yet is lost
                for address in self.addresses:
                    self.meet(address)
                primed = time.monotonic()
            for index, one in enumerate(self.sessions):
                one.post_dht_stats()
                for alert in one.pop_alerts():
                    if isinstance(alert, lt.dht_stats_alert):
                        sizes[index] = sum(bucket["num_nodes"] for bucket in alert.routing_table)
            if min(sizes) >= least:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"libtorrent's tables did not fill: {sorted(sizes)}")

    async def answer(
        self, index: int, ask: Callable[[Any], None], take: Callable[[Any], Any], seconds: float = 240.0, every: float = 4.0
    ) -> Any:
        """Ask one session, again each `every` s as an application would, until `take(alert)` is not None; that."""
        one, end, asked = self.sessions[index], time.monotonic() + seconds, 0.0
        while time.monotonic() < end:
            if time.monotonic() - asked > every:
                ask(one)
                asked = time.monotonic()
            for alert in one.pop_alerts():
                taken = take(alert)
                if taken is not None:
                    return taken
            await asyncio.sleep(0.02)
        raise AssertionError("libtorrent did not answer")

    async def peers_of(self, index: int, key: bytes, wanted: tuple[str, int]) -> tuple[str, int]:
        """Look `key` up from one session until `wanted` is among the answers."""

        def take(alert: Any) -> Any:
            if isinstance(alert, lt.dht_get_peers_reply_alert) and alert.info_hash.to_bytes() == key:
                return wanted if wanted in [(str(host), int(port)) for host, port in alert.peers()] else None
            return None

        found: tuple[str, int] = await self.answer(index, lambda one: one.dht_get_peers(lt.sha1_hash(key)), take)
        return found

    def close(self) -> None:
        for one in self.sessions:
            one.pause()
        self.sessions.clear()  # the last reference ends libtorrent's threads
