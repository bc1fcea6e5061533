"""An HTTP client for many calls at once: JSON up, bytes down, and errors as failures.

It is aiohttp without what a call to a model has no use for: no cookies, no credentials from ~/.netrc, no retries.
Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY), and are looked up once.

The number of connections is not bounded here, because the engine bounds the calls. An idle connection is closed before
common servers close theirs (after 5 s), so that a request rarely meets a connection that is being closed.

A redirect is followed to the same server only, and only where the request stays as it is (307, 308): the request has
the user's passages in it.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from synthgen.errors import ConfigError
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.errors import unreadable

if TYPE_CHECKING:
    import aiohttp
    from yarl import URL

__all__ = ["HttpClient", "http_client", "proxy_of", "through_proxy"]

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_IDLE_S = 4.0
_REDIRECTS_AT_MOST = 5
_KEEPS_THE_REQUEST = (307, 308)


@asynccontextmanager
async def http_client(
    url: str, headers: Mapping[str, str], connect_timeout_s: float, tls: SSLContext | None = None
) -> AsyncIterator[HttpClient]:
    """Yield a client that posts to `url` with `headers`.

    `tls` holds the certificates to trust; None stands for those of the machine. Raises ConfigError for a proxy of an
    unknown kind.
    """
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_S, ssl=True if tls is None else tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout_s),
        proxy=proxy_of(url),
    )
    async with session:
        yield HttpClient(session, url, headers, connect_timeout_s)


def through_proxy(url: str) -> str:
    """Return, for people, that calls to `url` go through a proxy of the environment, without its password; "" if they do not."""
    try:
        proxy = proxy_of(url)
    except ConfigError:  # another client may take a proxy of that kind
        return ""
    if proxy is None:
        return ""
    names = (f"{urlsplit(url).scheme}_proxy", "all_proxy")
    named = next((name for key in names for name in (key, key.upper()) if os.environ.get(name)), "the system's settings")
    return f"; calls go through the proxy {_CREDENTIALS.sub('***@', proxy)}, which {named} names: NO_PROXY={urlsplit(url).hostname} leaves it out"


class HttpClient:
    """Posts bodies to one address."""

    def __init__(self, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], connect_timeout_s: float) -> None:
        import aiohttp
        from yarl import URL

        self._session = session
        self._url = URL(url)
        self._headers = dict(headers)  # not the session's, which a proxy gets, too
        self._connect_timeout_s = connect_timeout_s
        self._errors = (aiohttp.ClientError, OSError)
        self._no_contact = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)

    async def post(
        self, body: bytes, headers: dict[str, str], began: Callable[[], None]
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Return the response to `body`, of any status, and its decoded content.

        `headers` are those of this request alone. `began` is called when the headers have arrived. Raises AttemptError where there is no complete response.
        """
        url, headers = self._url, self._headers | headers
        try:
            for _ in range(1 + _REDIRECTS_AT_MOST):
                async with self._session.post(url, data=body, headers=headers, allow_redirects=False) as response:
                    began()
                    content = await response.read()
                if (moved := _moved(response)) is None:
                    break
                url = moved
        except self._errors as error:
            raise AttemptError(self._failure(error)) from None
        return response, content

    def _failure(self, error: Exception) -> Failure:
        import aiohttp

        no_contact = isinstance(error, self._no_contact)
        if isinstance(error, aiohttp.ClientResponseError) and not no_contact:  # it is not HTTP
            return unreadable(error)
        late = isinstance(error, aiohttp.ConnectionTimeoutError)
        detail = f"no connection within {self._connect_timeout_s:g} s" if late else str(error) or "the connection was lost"
        detail = _CREDENTIALS.sub("***@", detail) + through_proxy(str(self._url))
        return Failure("attempt", "connection", detail, unbilled=no_contact, no_contact=no_contact, away=True)


def proxy_of(url: str) -> str | None:
    """Return the proxy for `url` in the environment. Raises ConfigError for one of an unknown kind."""
    parts, proxies = urlsplit(url), getproxies()
    found = proxies.get(parts.scheme) or proxies.get("all")
    if not found or proxy_bypass(parts.netloc):
        return None
    proxy = found if "://" in found else f"http://{found}"
    scheme = urlsplit(proxy).scheme
    if scheme not in ("http", "https"):
        raise ConfigError(
            f"The environment names a proxy of the kind {scheme}:// for {parts.hostname}, and only http:// and https:// are possible. "
            f"Change {parts.scheme.upper()}_PROXY or ALL_PROXY, or name the host in NO_PROXY."
        )
    return proxy


def _moved(response: aiohttp.ClientResponse) -> URL | None:
    """Return where to send the request again; None where the response is no redirect, or one to another server."""
    from yarl import URL

    to = response.headers.get("location")
    if response.status not in _KEEPS_THE_REQUEST or not to:
        return None
    here = response.url
    try:
        there = here.join(URL(to))
        same = there.origin() == here.origin()
    except ValueError:  # it is no address
        return None
    secured = there.scheme == "https" and there.host == here.host and there.is_default_port() and here.is_default_port()
    return there if same or secured else None
