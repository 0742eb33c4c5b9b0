"""What would go wrong with this connection, found before the first order does."""

from app.connectors.centra.client import query
from app.connectors.centra.documents import (
    CHANGED,
    EVENTS,
    LISTENERS,
    ORDERS,
    SHIPPED,
    SHIPPED_ORDERS,
    STORES,
    Document,
)
from app.connectors.centra.poll import Source
from app.domain.errors import SluiceError


async def find_problems(*, source: Source) -> tuple[str, ...]:
    """Sentences for a person. Asks what the flows will ask, so that a missing permission shows by name."""
    answers = [await _try(source, CHANGED, {"where": {}, "limit": 1, "page": 1})]
    if isinstance(answers[0], str):
        return (answers[0],)
    orders = SHIPPED_ORDERS if source.settings.ships_itself else ORDERS
    answers.append(await _try(source, orders, {"where": {}, "limit": 1}))
    if source.settings.ships_itself:
        answers.append(await _try(source, SHIPPED, {"where": {}, "limit": 1, "page": 1}))
    problems = [answer for answer in answers if isinstance(answer, str)]
    problems += await _find_store(source)
    if source.settings.events_enabled:
        problems += await _find_queue(source)
    if not source.settings.webhook_secrets:
        problems.append("No webhook secret is set: orders arrive by polls only.")
    return tuple(problems)


async def _try(source: Source, document: Document, variables: dict[str, object]) -> dict[str, object] | str:
    try:
        return await query(source.client, document, variables)
    except SluiceError as error:
        return f"{document.name}: {error}"


async def _find_store(source: Source) -> list[str]:
    wanted = source.settings.store
    if wanted is None:
        return []
    seen: list[int] = []
    for page in range(1, 11):
        answer = await _try(source, STORES, {"page": page})
        if isinstance(answer, str):
            return [answer]
        stores = answer.get("stores")
        ids = [store["id"] for store in stores] if isinstance(stores, list) else []
        seen += ids
        if len(ids) < 200:
            break
    if wanted in seen:
        return []
    return [f"Store {wanted} is none of those that the token sees: {', '.join(map(str, sorted(seen)))}."]


async def _find_queue(source: Source) -> list[str]:
    """Whether it may be read; the first poll subscribes to it, so an empty one is no problem yet."""
    answer = await _try(source, LISTENERS, {})
    if isinstance(answer, str):
        return [answer]
    events = await _try(source, EVENTS, {"where": {}, "limit": 1})
    return [events] if isinstance(events, str) else []
