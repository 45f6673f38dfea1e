"""Shell: HTTP to routers that answered the search, and to nobody else: what their descriptions name may lie anywhere, and be of any length."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from aiohttp import ClientError, ClientSession, ClientTimeout
from async_upnp_client.client import UpnpRequester
from async_upnp_client.const import HttpRequest, HttpResponse
from async_upnp_client.exceptions import UpnpCommunicationError, UpnpConnectionError, UpnpConnectionTimeoutError

LONGEST = 1024 * 1024
ANSWER_S = 5.0


class RouterRequester(UpnpRequester):
    """Only `hosts` are asked, no redirect is followed, and no answer of more than `LONGEST` bytes is read."""

    def __init__(self, hosts: Collection[str]) -> None:
        self._hosts = hosts

    async def async_http_request(self, http_request: HttpRequest) -> HttpResponse:
        if urlsplit(http_request.url).hostname not in self._hosts:
            raise UpnpConnectionError("it points at somebody else")
        body = bytearray()
        try:
            async with (
                ClientSession(timeout=ClientTimeout(total=ANSWER_S)) as session,
                session.request(
                    http_request.method, http_request.url, headers=http_request.headers, data=http_request.body, allow_redirects=False
                ) as response,
            ):
                async for data in response.content.iter_any():
                    body += data
                    if len(body) > LONGEST:
                        raise UpnpCommunicationError("its answer is too long")
                return HttpResponse(response.status, response.headers, body.decode("utf-8", "replace"))
        except TimeoutError as error:
            raise UpnpConnectionTimeoutError("it does not answer") from error
        except ClientError as error:
            raise UpnpCommunicationError(repr(error)) from error
