"""The little of OData that we write (sage200.md 6): equality, or-lists, query strings. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote

LONGEST_FILTER = 5_000  # of the encoded text; with host, path and $expand a URL stays under 6 kB


def equals(field: str, value: str | int) -> str:
    """A bool is no int here: Sage compares flags with `true` and `false`."""
    if isinstance(value, bool):
        return f"{field} eq {str(value).lower()}"
    if isinstance(value, int):
        return f"{field} eq {value}"
    doubled = value.replace("'", "''")
    return f"{field} eq '{doubled}'"


def any_of(terms: Iterable[str], most: int) -> Iterator[str]:
    """Filters that together hold every term once: at most `most` terms and LONGEST_FILTER encoded characters each."""
    chunk: list[str] = []
    length = 0
    for term in terms:
        size = len(quote(f" or {term}", safe=""))
        if chunk and (len(chunk) == most or length + size > LONGEST_FILTER):
            yield " or ".join(chunk)
            chunk, length = [], 0
        chunk.append(term)
        length += size
    if chunk:
        yield " or ".join(chunk)


def query(options: Mapping[str, str | int]) -> str:
    """`{"filter": "a eq 1", "top": 5}` -> `$filter=a%20eq%201&$top=5`. A blank is %20: `+` is not blank everywhere."""
    return "&".join(f"${name}={quote(str(value), safe=',')}" for name, value in options.items())
