"""A webhook call as bytes."""

from collections.abc import Mapping
from dataclasses import dataclass

from app.sandbox.centra.sign import sign, write_body

AGENT = "Centra webhooks"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Where a delivery goes, and who signs it when (Unix seconds)."""

    port: int
    path: str
    secret: str
    moment: int

    def write(self, event: Mapping[str, object]) -> bytes:
        """A whole request: a delivery of one event."""
        body = write_body([dict(event)], "+")
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{self.port}\r\nUser-Agent: {AGENT}\r\nAccept: */*\r\n"
            f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
            f"X-Centra-Signature: {sign(self.secret, self.moment, body)}\r\n\r\n"
        )
        return head.encode("ascii") + body
