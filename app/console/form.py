"""What a form or an address brought, as text that Postgres can hold."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from starlette.requests import Request

from app.console.refusal import RefusalError

FIELDS_MOST = 100
LONGEST = 2000
UNFIT = re.compile("[\x00\ud800-\udfff]")
NUMBER = re.compile(r"[0-9]{1,18}")


async def posted(request: Request) -> dict[str, str]:
    """The fields of a form; of several of one name the last. Raises RefusalError."""
    try:
        text = (await request.body()).decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=FIELDS_MOST, errors="strict")
    except ValueError as error:
        raise RefusalError(400, "The form was not sent as a browser sends it.") from error
    return _checked(dict(pairs))


def asked(request: Request) -> dict[str, str]:
    """The fields of the address. Raises RefusalError."""
    return _checked(dict(request.query_params))


def _checked(fields: Mapping[str, str]) -> dict[str, str]:
    if any(UNFIT.search(text) or len(text) > LONGEST for pair in fields.items() for text in pair):
        raise RefusalError(400, "A field is too long, or holds what is no text.")
    return {name: text.strip() for name, text in fields.items()}


def number(fields: Mapping[str, str], name: str, default: int) -> int:
    """Raises RefusalError for what is no whole number."""
    text = fields.get(name, "")
    if not text:
        return default
    if not NUMBER.fullmatch(text):
        raise RefusalError(400, "A number is missing in the address or the form.")
    return int(text)
