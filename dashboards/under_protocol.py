"""What every page says of the protocol that judged."""

from __future__ import annotations

from cmvmon.protocol import Protocol


class UnderProtocol:
    """A page about what was judged under a protocol: the version, and whether somebody signed it."""

    protocol: Protocol

    @property
    def is_signed(self) -> bool:
        return self.protocol.is_signed

    @property
    def protocol_version(self) -> str:
        return self.protocol.version
