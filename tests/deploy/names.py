"""A name server of two names, whose addresses a test changes: as Docker's is for services."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading

A, CLASS_IN, ANSWERS, NO_ERROR = 1, 1, 0x8580, 0


class Names:
    """Answers on 127.0.0.1, by UDP, every question for an IPv4 address: of the name `rules` with `rules`, of
    any other with `addresses`.
    """

    def __init__(self, *addresses: str, rules: str = "") -> None:
        self.addresses = list(addresses)
        self.rules = [rules] if rules else []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                requested, who = self._socket.recvfrom(2048)
                if requested:
                    self._socket.sendto(self._respond(requested), who)

    def _respond(self, requested: bytes) -> bytes:
        name_ends = requested.index(b"\0", 12) + 1
        question = requested[12 : name_ends + 4]
        kind, _ = struct.unpack(">HH", question[-4:])
        name = requested[13 : 13 + requested[12]]
        addresses = self.rules if name == b"rules" else self.addresses
        found = addresses if kind == A else []
        head = requested[:2] + struct.pack(">HHHHH", ANSWERS | NO_ERROR, 1, len(found), 0, 0)
        # 0xC00C: the name is that of the question.
        records = (
            struct.pack(">HHHIH", 0xC00C, A, CLASS_IN, 1, 4) + socket.inet_aton(address) for address in found
        )
        return head + question + b"".join(records)
