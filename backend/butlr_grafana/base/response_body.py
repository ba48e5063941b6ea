"""The body of a response to one of our calls: complete, decompressed, and not larger than allowed."""

from __future__ import annotations

import zlib

import requests

PIECE_BYTES = 2**16


class BodyError(Exception):
    """The body cannot be used."""


class TooLarge(BodyError):
    """The body is larger than allowed. The rest was not read."""


class CutOff(BodyError):
    """The compressed body ends too early."""


def read_body(response: requests.Response, most_bytes: int) -> bytes:
    """The decompressed body of a response that was requested with `stream=True`. It is read and decompressed
    in pieces, and at most `most_bytes` bytes are decompressed.

    Raises `BodyError`, `zlib.error`, and the errors of urllib3 and of the system.
    """
    packed = response.headers.get("Content-Encoding", "").lower() not in ("", "identity")
    unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS + 32) if packed else None
    pieces, size = [], 0
    while piece := response.raw.read1(PIECE_BYTES, decode_content=False):
        pieces.append(unpack.decompress(piece, most_bytes - size + 1) if unpack else piece)
        size += len(pieces[-1])
        if size > most_bytes:
            raise TooLarge
    if unpack and pieces and not unpack.eof:
        raise CutOff
    return b"".join(pieces)
