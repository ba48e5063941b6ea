"""Why a connection failed, in words for a person: without Python's class names and without the address, which
the texts of requests and urllib3 hold.
"""

from __future__ import annotations

import errno
import http.client
import socket
import ssl
import zlib

import requests
import urllib3

REFUSED = "connection refused"
UNKNOWN_HOST = "the host name cannot be resolved"
TIMED_OUT = "timed out"
NOT_TRUSTED = "the certificate is not trusted"

_KINDS: tuple[tuple[tuple[type[BaseException], ...], str], ...] = (
    ((ssl.SSLCertVerificationError,), NOT_TRUSTED),
    ((ssl.SSLError,), "TLS failed"),
    ((socket.gaierror, urllib3.exceptions.NameResolutionError), UNKNOWN_HOST),
    ((ConnectionRefusedError,), REFUSED),
    ((TimeoutError, urllib3.exceptions.TimeoutError, requests.Timeout), TIMED_OUT),
    ((http.client.BadStatusLine, http.client.LineTooLong), "the response is not HTTP"),
    ((ConnectionError, http.client.IncompleteRead), "the connection was closed too early"),
    ((zlib.error, urllib3.exceptions.DecodeError), "the response cannot be decompressed"),
)
"""From the special to the general: a certificate's error is an SSL error too, and that an `OSError`."""

_NO_WAY = (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN)


def reason_of(error: BaseException) -> str:
    """Why the connection failed, in a few words."""
    for cause in reversed(causes(error)):
        # A server that closes a connection at once: http.client has it as an answer without a line.
        if isinstance(cause, http.client.RemoteDisconnected):
            return "the connection was closed too early"
        for kinds, text in _KINDS:
            if isinstance(cause, kinds):
                return text
        if isinstance(cause, OSError) and cause.errno in _NO_WAY:
            return "there is no network route to the host"
    return "the connection failed"


def causes(error: BaseException | None) -> list[BaseException]:
    """An error and what it came of, the innermost last. (Some libraries keep the cause as an argument.)"""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        inner = error.__cause__ or error.__context__
        error = inner or next((a for a in error.args if isinstance(a, BaseException)), None)
    return found
