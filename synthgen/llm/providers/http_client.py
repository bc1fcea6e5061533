"""An HTTP client for many calls at once: JSON up, bytes down (up to a limit), and errors as failures.

It is aiohttp without what a call to a model has no use for: no cookies, no credentials from ~/.netrc, no retries.
Proxies come from the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY), and are looked up once.

The number of connections is not bounded here, because the engine bounds the calls. An idle connection is closed before
common servers close theirs (after 5 s), so that a request rarely meets a connection that is being closed.

No redirect is followed: the request has the user's passages in it, and the new place is named instead.
"""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from ssl import SSLContext
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from synthgen.errors import ConfigError
from synthgen.llm.failure import AttemptError, Failure
from synthgen.llm.providers.errors import of_no_answer, unreadable
from synthgen.llm.providers.foreign import NoAnswer
from synthgen.llm.providers.response_content import ACCEPTED, TooLargeError, read_content

if TYPE_CHECKING:
    import aiohttp

__all__ = ["HttpClient", "http_client", "proxy_of", "through_proxy"]

_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]*@")
_IDLE_S = 4.0
_BYTES_PER_MB = 1_000_000
_A_FEW_TIMES = 3
_FIRST_REDIRECT = 300


@asynccontextmanager
async def http_client(
    url: str, headers: Mapping[str, str], connect_timeout_s: float, tls: SSLContext | None = None, *, max_mb: float = math.inf
) -> AsyncIterator[HttpClient]:
    """Yield a client that posts to `url` with `headers`, and reads at most `max_mb` megabytes of a response.

    `tls` holds the certificates to trust; None stands for those of the machine. Raises ConfigError for a proxy of an
    unknown kind.
    """
    import aiohttp

    session = aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_IDLE_S, ssl=True if tls is None else tls),
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=None, connect=connect_timeout_s),
        proxy=proxy_of(url),
        auto_decompress=False,  # `read_content` unpacks no more than is allowed
    )
    async with session:
        yield HttpClient(session, url, headers, connect_timeout_s, max_mb)


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

    def __init__(
        self, session: aiohttp.ClientSession, url: str, headers: Mapping[str, str], connect_timeout_s: float, max_mb: float
    ) -> None:
        import aiohttp
        from yarl import URL

        self._session = session
        self._url = URL(url)
        self._headers = {"accept-encoding": ACCEPTED, **headers}  # not the session's, which a proxy gets, too
        self._max_mb = max_mb
        self._max_bytes = sys.maxsize if max_mb == math.inf else int(max_mb * _BYTES_PER_MB)
        self._connect_timeout_s = connect_timeout_s
        self._errors = (aiohttp.ClientError, OSError)
        self._no_contact = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)

    async def post(
        self, body: bytes, headers: dict[str, str], began: Callable[[], None]
    ) -> tuple[aiohttp.ClientResponse, bytes]:
        """Return the response to `body`, of any status, and its unpacked content.

        `headers` are those of this request alone. `began` is called when the headers have arrived. Raises AttemptError
        where there is no complete response. Of a refusal that is too large, the beginning is its content.
        """
        headers = self._headers | headers
        try:
            async with self._session.post(self._url, data=body, headers=headers, allow_redirects=False) as response:
                began()
                return response, await read_content(response, self._max_bytes)
        except TooLargeError as error:
            if not response.ok or response.status >= _FIRST_REDIRECT:
                return response, error.beginning
            what = f"more than {self._max_mb:g} MB, the limit of llm.max_response_mb"
            raise AttemptError(of_no_answer(NoAnswer(what, _A_FEW_TIMES)), response.headers, response.status) from None
        except self._errors as error:
            raise AttemptError(self._failure(error)) from None
        except ValueError as error:
            raise AttemptError(unreadable(error)) from None

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
