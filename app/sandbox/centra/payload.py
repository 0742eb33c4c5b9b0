"""What every mutation answers: what Centra would refuse is a user error in an answer of 200."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from app.sandbox.centra.desk import RefusedError
from app.sandbox.centra.money import NOTHING, parse_money
from app.sandbox.mirror import Doc

Mutate = Callable[[Doc], Doc]


def say(message: str, *path: str) -> Doc:
    return {"message": message, "path": list(path)}


def answer(*errors: Doc, warnings: tuple[Doc, ...] = (), **fields: Any) -> Doc:
    return {"userErrors": list(errors), "userWarnings": list(warnings), **fields}


def resolve(mutate: Mutate, **nothing: Any) -> Callable[..., Doc]:
    """`mutate` takes the arguments by name. A ValueError out of it means that it changed nothing; `nothing` fills the
    payload's other fields then.
    """

    def run(_: Any, **asked: Any) -> Doc:
        try:
            return mutate(asked)
        except RefusedError as refused:
            return answer(say(str(refused), *refused.path), **nothing)
        except ValueError as error:
            return answer(say(str(error), "input"), **nothing)

    return run


def drop_nulls(given: Doc) -> Doc:
    """A null is as good as an absence."""
    return {name: value for name, value in given.items() if value is not None}


def read_money(raw: Doc, currency: str, *path: str) -> Decimal:
    """A MonetaryValueInput, in the order's own currency. Raises RefusedError."""
    if raw["currencyIsoCode"] != currency:
        raise RefusedError(f"The currency must be {currency}.", *path, "currencyIsoCode")
    try:
        amount = parse_money(raw["value"])
    except ValueError as error:
        raise RefusedError(str(error), *path, "value") from None
    if amount < NOTHING:
        raise RefusedError("value must not be negative", *path, "value")
    return amount
