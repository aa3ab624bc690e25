"""The origin of a request by its headers: host name, proxy, page of another origin."""

from urllib.parse import urlsplit

from starlette.datastructures import Headers

from server.settings import Settings, is_loopback

PROXY_HEADERS = ("forwarded", "via", "x-real-ip")
PROXY_PREFIX = "x-forwarded-"
SAME_ORIGIN = ("same-origin", "none")  # Sec-Fetch-Site of the page's own requests, and of a typed URL


def rejected_host(headers: Headers, settings: Settings) -> str | None:
    """The `Host` if it is not allowed, else None: another site's name may resolve to this machine (DNS rebinding).

    Checked on loopback addresses, and wherever `allowed_hosts` is set.
    """
    if not settings.loopback and not settings.allowed_hosts:
        return None
    allowed = {name.lower() for name in settings.allowed_hosts}
    for host in headers.getlist("host") or [""]:
        name = host_name(host)
        if not is_loopback(name) and name not in allowed:
            return host
    return None


def host_name(host: str) -> str:
    """The host without port, brackets and trailing dot; empty if it is malformed."""
    try:
        return (urlsplit(f"//{host}").hostname or "").removesuffix(".")
    except ValueError:
        return ""


def proxy_header(headers: Headers) -> str | None:
    """The first header that only a proxy sets."""
    return next((name for name in headers if name in PROXY_HEADERS or name.startswith(PROXY_PREFIX)), None)


def is_cross_origin(headers: Headers) -> bool:
    """Whether a page of another origin sent the request. Programs and a browser's address bar send neither header."""
    if (site := headers.get("sec-fetch-site")) is not None:
        return site not in SAME_ORIGIN
    origin = headers.get("origin")
    return origin is not None and origin.lower().partition("://")[2] != headers.get("host", "").lower()
