"""Judge a request to the status server by its first lines: who asks, for what, and whether a web page made it.

A page in a browser on this machine can send requests to any port here. It can't read the answers unless its own host name
was made to lead here (DNS rebinding), which its ``Host`` header tells; and browsers say in ``Origin`` and
``Sec-Fetch-Site`` that another site asks. So on a loopback address only this machine's own names are let in.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass, field
from http import HTTPStatus

import httptools

HEADER_BYTES_MAX = 16_384
_PATH_LENGTH_MAX = 256
_OWN_SITES = {b"none", b"same-origin"}


@dataclass(slots=True)
class Request:
    """What a client has said so far."""

    method: bytes = b""
    target: bytes = b""
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    is_complete: bool = False

    def values(self, name: bytes) -> list[bytes]:
        """Every value of the header *name* (in small letters)."""
        return [value for found, value in self.headers if found == name]


class RequestReader:
    """Takes a client's bytes until the headers are whole. What follows them is not read."""

    def __init__(self) -> None:
        self.request = Request()
        self._parser = httptools.HttpRequestParser(self)
        self._bytes = 0

    def feed(self, data: bytes) -> HTTPStatus | None:
        """Take *data*; returns why the request can't be read, if so."""
        self._bytes += len(data)
        if self._bytes > HEADER_BYTES_MAX:
            return HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            return HTTPStatus.BAD_REQUEST
        except httptools.HttpParserError:
            return None if self.request.is_complete else HTTPStatus.BAD_REQUEST
        return None

    def on_url(self, url: bytes) -> None:
        """Called by the parser, perhaps with a part."""
        if not self.request.is_complete:  # of a second request in the same bytes nothing is taken
            self.request.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Called by the parser for each header."""
        if not self.request.is_complete:
            self.request.headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Called by the parser at the empty line."""
        if not self.request.is_complete:
            self.request.method = self._parser.get_method()
            self.request.is_complete = True


def refusal(request: Request, *, hosts: frozenset[str] | None) -> HTTPStatus | None:
    """Why *request* is not answered, or None. *hosts* are the allowed ``Host`` values; None: any."""
    named = request.values(b"host")
    if len(named) != 1 or not named[0]:
        return HTTPStatus.BAD_REQUEST
    if hosts is not None and named[0].decode("latin-1").lower() not in hosts:
        return HTTPStatus.FORBIDDEN
    if request.values(b"origin") or not _OWN_SITES.issuperset(request.values(b"sec-fetch-site")):
        return HTTPStatus.FORBIDDEN
    if request.method not in {b"GET", b"HEAD"}:
        return HTTPStatus.METHOD_NOT_ALLOWED
    if len(request.target) > _PATH_LENGTH_MAX:
        return HTTPStatus.REQUEST_URI_TOO_LONG
    return None


def allowed_hosts(address: str, port: int, *, named: str) -> frozenset[str] | None:
    """The ``Host`` values that a server at *address* lets in.

    On a loopback address these are this machine's own names and the one that a person *named*; else any.
    """
    if not ipaddress.ip_address(address).is_loopback:
        return None
    own = {"localhost", "127.0.0.1", "::1", address, named.lower()}
    names = {f"[{name}]" if ":" in name else name for name in own}
    with_port = {f"{name}:{port}" for name in names}
    return frozenset(with_port | names if port == 80 else with_port)  # noqa: PLR2004 - browsers leave out :80
