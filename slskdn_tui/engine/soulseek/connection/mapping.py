"""Shell: asks the router to forward the listen port, by NAT-PMP or UPnP, keeps it forwarded, and takes it back. Failures are words."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from aiohttp import ClientError
from async_upnp_client.client import UpnpAction
from async_upnp_client.client_factory import UpnpFactory
from async_upnp_client.exceptions import UpnpError
from async_upnp_client.profiles.igd import IgdDevice
from async_upnp_client.search import SsdpSearchListener
from async_upnp_client.ssdp import SSDP_IP_V4, SSDP_PORT
from async_upnp_client.utils import CaseInsensitiveDict

from slskdn_tui.engine.runtime.clock import Clock, until
from slskdn_tui.engine.soulseek.connection import nat_pmp
from slskdn_tui.engine.soulseek.connection.upnp_http import RouterRequester
from slskdn_tui.model.text import SafeText

log = logging.getLogger(__name__)

ROUTES = Path("/proc/net/route")
AGAIN_S = 300.0
"""after a failure the router is asked again, no sooner"""
UPNP_LEASE_S = 3600
UPNP_SEARCH_S = 3
MOST_ROUTERS = 4


class MappingFailed(Exception):
    """The router did not do it; the message says why, for people."""


@dataclass(frozen=True, slots=True)
class Granted:
    """The world may use `external`; ask again in `renew_in` seconds."""

    external: int
    renew_in: float


class Mapper(Protocol):
    """One way to ask a router. `grant` raises MappingFailed; `release` never fails."""

    name: str

    async def grant(self, port: int) -> Granted: ...
    async def release(self, port: int) -> None: ...


class NatPmp:
    """RFC 6886 over UDP to the default gateway, or to `gateway` (host, port). `address` is where it is sent from, None for any."""

    name = "NAT-PMP"

    def __init__(self, address: str | None, gateway: tuple[str, int] | None = None) -> None:
        self._address = address
        self._gateway = gateway
        self._external = 0

    async def grant(self, port: int) -> Granted:
        try:
            answer = await self._exchange(nat_pmp.ask(port, self._external or port), port, nat_pmp.TRIES)
        except nat_pmp.Refused as error:
            raise MappingFailed(f"the router refused: {error}") from error
        if not answer.lifetime or not answer.external:
            raise MappingFailed("the router granted nothing")
        self._external = answer.external
        return Granted(answer.external, answer.renew_in)

    async def release(self, port: int) -> None:
        self._external = 0
        try:
            await self._exchange(nat_pmp.ask(port, 0, 0), port, 2)
        except (MappingFailed, nat_pmp.Refused) as error:
            log.info("the port could not be given back: %s", error)

    async def _exchange(self, request: bytes, port: int, tries: int) -> nat_pmp.Mapping:
        gateway: tuple[str, int] = self._gateway if self._gateway is not None else await asyncio.to_thread(_find_gateway)
        loop = asyncio.get_running_loop()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.setblocking(False)
            try:
                if self._address:
                    link.bind((self._address, 0))
                link.connect(gateway)  # answers of anybody else are dropped by the kernel
                for attempt in range(tries):
                    await loop.sock_sendall(link, request)
                    with suppress(TimeoutError):
                        async with asyncio.timeout(nat_pmp.FIRST_WAIT_S * 2**attempt):
                            while True:
                                answer = nat_pmp.read(await loop.sock_recv(link, 64), port)
                                if answer is not None:
                                    return answer
            except OSError as error:
                why = (
                    "does not speak it"
                    if isinstance(error, ConnectionRefusedError)
                    else f"cannot be asked ({(error.strerror or str(error)).lower()})"
                )
                raise MappingFailed(f"the router {gateway[0]} {why}") from error
        raise MappingFailed(f"the router {gateway[0]} did not answer")


def _find_gateway() -> tuple[str, int]:
    try:
        found = nat_pmp.default_gateway(ROUTES.read_text("ascii", "replace"))
    except OSError:
        found = None
    if found is None:
        raise MappingFailed("no router is known (there is no default route)")
    return found, nat_pmp.PORT


class Upnp:
    """Internet gateway devices found by SSDP. Every one that answers is asked; `target` is where the question goes."""

    name = "UPnP"

    def __init__(self, address: str | None, target: tuple[str, int] = (SSDP_IP_V4, SSDP_PORT)) -> None:
        self._address = address
        self._target = target
        self._devices: list[IgdDevice] = []

    async def grant(self, port: int) -> Granted:
        address: str = self._address if self._address is not None else await asyncio.to_thread(_address_towards, self._target)
        if not self._devices:
            self._devices = await self._search(address)
        if not self._devices:
            raise MappingFailed("no router answered")
        failures = []
        for device in self._devices:
            try:
                await self._add(device, address, port)
            except (UpnpError, ClientError, TimeoutError, OSError, MappingFailed, ValueError) as error:
                failures.append(str(SafeText(error, 100)) or type(error).__name__)
        if len(failures) == len(self._devices):
            self._devices = []
            raise MappingFailed(f"the router refused: {failures[0]}")
        return Granted(port, UPNP_LEASE_S / 2)

    async def release(self, port: int) -> None:
        devices, self._devices = self._devices, []
        for device in devices:
            try:
                await _action(device, "DeletePortMapping").async_call(NewRemoteHost="", NewExternalPort=port, NewProtocol="TCP")
            except (UpnpError, ClientError, TimeoutError, OSError, MappingFailed) as error:
                log.info("the port could not be given back: %s", SafeText(error, 100))

    async def _add(self, device: IgdDevice, address: str, port: int) -> None:
        facts = {
            "NewRemoteHost": "",
            "NewExternalPort": port,
            "NewProtocol": "TCP",
            "NewInternalPort": port,
            "NewInternalClient": address,
            "NewEnabled": True,
            "NewPortMappingDescription": "slskdn-tui",
        }
        action = _action(device, "AddPortMapping")
        try:
            await action.async_call(**facts, NewLeaseDuration=UPNP_LEASE_S)
        except UpnpError as error:
            if getattr(error, "error_code", None) != 725:  # OnlyPermanentLeasesSupported
                raise
            await action.async_call(**facts, NewLeaseDuration=0)

    async def _search(self, address: str) -> list[IgdDevice]:
        places: set[str] = set()

        async def heard(headers: CaseInsensitiveDict) -> None:
            place = str(headers.get("location", ""))
            sender = headers.get("_remote_addr")
            kind = str(headers.get("st", ""))
            # a device tells only about itself: else anybody on the network could have us fetch any address
            if kind in IgdDevice.DEVICE_TYPES and sender and urlsplit(place).hostname == sender[0] and len(places) < MOST_ROUTERS:
                places.add(place)

        try:
            await search(heard, timeout=UPNP_SEARCH_S, source=(address, 0), target=self._target)
        except OSError as error:
            raise MappingFailed(f"the network cannot be asked ({(error.strerror or str(error)).lower()})") from error
        factory = UpnpFactory(RouterRequester({urlsplit(place).hostname or "" for place in places}))
        devices = []
        for place in sorted(places):
            try:
                devices.append(IgdDevice(await factory.async_create_device(place), None))
            except (UpnpError, ClientError, TimeoutError, OSError, ValueError) as error:
                log.info("a router's description cannot be read: %s", SafeText(error, 100))
        return devices


async def search(
    heard: Callable[[CaseInsensitiveDict], Coroutine[Any, Any, None]], *, timeout: int, source: tuple[str, int], target: tuple[str, int]
) -> None:
    """Ask `target` by SSDP and listen for `timeout` seconds. The library's own search leaves its socket open when it is cancelled. OSError."""
    listener = SsdpSearchListener(heard, timeout=timeout, source=source, target=target, connect_callback=lambda: listener.async_search())
    try:
        await listener.async_start()
        await asyncio.sleep(timeout)
    finally:
        listener.async_stop()


def _action(device: IgdDevice, name: str) -> UpnpAction:
    for service in device.profile_device.all_services:
        if service.service_type.split(":")[-2] in ("WANIPConnection", "WANPPPConnection") and service.has_action(name):
            return service.action(name)
    raise MappingFailed(f"the router has no {name}")


def _address_towards(target: tuple[str, int]) -> str:
    """Our own address on the way there. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        try:
            link.connect(target)
            return str(link.getsockname()[0])
        except OSError as error:
            raise MappingFailed(f"no network leads to a router ({(error.strerror or str(error)).lower()})") from error


class Keeper:
    """Keeps one mapper's grant for the port that `wanted` tells. `external` is the port it granted (0 for none), `words` says how it stands; `on_change` is
    awaited after every try."""

    def __init__(self, mapper: Mapper, clock: Clock, wanted: Callable[[], int], on_change: Callable[[], Awaitable[None]]) -> None:
        self.name = mapper.name
        self._mapper = mapper
        self._clock = clock
        self._wanted = wanted
        self._on_change = on_change
        self._moved = asyncio.Event()
        self._held = 0
        self.external = 0
        self.words = f"{mapper.name}: asking the router"

    def port_moved(self) -> None:
        self._moved.set()

    async def run(self) -> None:
        """For ever, under a supervisor; what was granted is given back when it is cancelled."""
        try:
            while True:
                await self._wait(await self._once())
        finally:
            await self._give_back()

    async def _once(self) -> float:
        """Ask once; seconds until the next time."""
        port = self._wanted()
        if self._held not in (0, port):
            await self._give_back()
        try:
            granted = await self._mapper.grant(port)
        except MappingFailed as error:
            self._held = self.external = 0
            self.words = f"{self._mapper.name}: {error}; forward TCP port {port} by hand, or switch it off"
            log.warning("%s", self.words)
            await self._on_change()
            return AGAIN_S
        self._held, self.external = port, granted.external
        where = f"port {port}" if granted.external == port else f"port {granted.external} to our port {port}"
        self.words = f"{self._mapper.name}: the router forwards {where}"
        log.info("%s", self.words)
        await self._on_change()
        return granted.renew_in

    async def _give_back(self) -> None:
        held, self._held, self.external = self._held, 0, 0
        if held:
            await self._mapper.release(held)

    async def _wait(self, seconds: float) -> None:
        """Until then, or until the port has moved."""
        await until(self._moved, self._clock, seconds)
        self._moved.clear()
