"""The key under which an order is looked for in the ERP (R-24, R-27)."""

import base64
import hashlib
import re

LONGEST = 20
"""`customer_document_no` holds 30, but the ERP's own look-up shows 20 (requirements.md 0.1)."""
HASH_LENGTH = 12
PREFIX = re.compile(r"[A-Z0-9]{1,7}")
PLAIN = re.compile(r"[A-Z0-9-]+")


def probe_key(prefix: str, ref: str) -> str:
    """`CEN-10045`. A ref that is too long or has other characters becomes 12 characters of its SHA-256 in base32.

    The ref is taken as it stands, never folded: `a1` and `A1` are two orders. ValueError for a prefix that is
    not `[A-Z0-9]{1,7}` and for an empty ref.
    """
    if not PREFIX.fullmatch(prefix):
        raise ValueError(f"prefix {prefix!r} is not 1 to 7 of A-Z and 0-9")
    if not ref:
        raise ValueError("an order without a reference")
    plain = f"{prefix}-{ref}"
    if PLAIN.fullmatch(ref) and len(plain) <= LONGEST:
        return plain
    digest = base64.b32encode(hashlib.sha256(ref.encode()).digest()).decode("ascii")
    return f"{prefix}-{digest[:HASH_LENGTH]}"
