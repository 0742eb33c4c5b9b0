"""The bytes of a webhook call and their signature (centra.md 1.3-1.5)."""

import hashlib
import hmac
import json
from urllib.parse import quote, quote_plus

from app.sandbox.mirror import Doc


def write_body(events: list[Doc], space: str) -> bytes:
    """`space`: `+` as PHP's form encoder writes it, or `%20`."""
    text = json.dumps({"events": events}, separators=(",", ":"))
    encoded = quote_plus(text, safe="") if space == "+" else quote(text, safe="")
    return f"payload={encoded}".encode("ascii")


def sign(secret: str, moment: int, body: bytes) -> str:
    digest = hmac.new(secret.encode(), f"{moment}.".encode() + body, hashlib.sha256).hexdigest()
    return f"t={moment},v1={digest}"
