"""What the providers' clients share: one HTTP client with bounds, and what a broken call may mean."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import httpx

from services.notify.core.outcomes import Outcome

CONNECTIONS = 64
TIMEOUTS = httpx.Timeout(connect=3.0, read=10.0, write=5.0, pool=5.0)
KEEP_ALIVE_SECONDS = 2.0
"""Shorter than any server's, so that a request seldom meets a connection just being closed: whether it
was read could not be told then, and the message would end as unknown."""


def http_client() -> httpx.AsyncClient:
    """No retries: a second request is a second message. No redirects: they would carry credentials."""
    limits = httpx.Limits(
        max_connections=CONNECTIONS,
        max_keepalive_connections=CONNECTIONS,
        keepalive_expiry=KEEP_ALIVE_SECONDS,
    )
    return httpx.AsyncClient(
        timeout=TIMEOUTS,
        limits=limits,
        follow_redirects=False,
        transport=httpx.AsyncHTTPTransport(limits=limits, retries=0),
    )


async def call(
    provider: str,
    request: Callable[[], Awaitable[httpx.Response]],
    judge: Callable[[httpx.Response], Outcome],
) -> Outcome:
    """One call; what its answer means is for `judge`. Without an answer it depends on how far it got."""
    try:
        response = await request()
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.ProxyError) as error:
        return _broken("transient", provider, error)
    except (httpx.UnsupportedProtocol, httpx.InvalidURL, httpx.LocalProtocolError) as error:
        # nothing was sent: the address in the settings is wrong
        return _broken("transient", provider, error)
    except httpx.HTTPError as error:
        # the connection broke while writing or reading: the provider may have the whole request
        return _broken("unknown", provider, error)
    return judge(response)


def _broken(kind: str, provider: str, error: Exception) -> Outcome:
    reason = f"{provider}_{type(error).__name__.lower()}"
    return Outcome("transient" if kind == "transient" else "unknown", reason, whole_provider=True)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds of a Retry-After header, at most an hour; None without one, or where it is a date."""
    text = response.headers.get("retry-after", "").strip()
    return min(float(text), 3600.0) if text.isascii() and text.isdigit() else None
