"""What is wrong with the settings, in sentences that name the setting and hold no values."""

import difflib
from collections.abc import Callable, Iterator, Sequence
from typing import get_args

from pydantic import BaseModel, SecretStr
from pydantic_core import ErrorDetails

PREFIX = "SLUICE_"
CONFIG = f"{PREFIX}CONFIG"


def spell(path: Sequence[object]) -> str:
    """`("centra", "uk", "base_url")` -> SLUICE_CENTRA__uk__BASE_URL."""
    parts = [str(part).upper() for part in path]
    if len(parts) > 2:
        parts[1] = parts[1].lower()
    return PREFIX + "__".join(parts)


def unknown(model: type[BaseModel], names: Sequence[str]) -> Iterator[str]:
    """Names that no field reads; what lies inside a connector's settings is refused by its own model."""
    for name in names:
        head, *tail = name.lower().removeprefix(PREFIX.lower()).split("__")
        if not name.upper().startswith(PREFIX) or name.upper() == CONFIG:
            continue
        if head not in model.model_fields or (tail and _nested(model, head) is None):
            yield f"{name.upper()} is not a setting{_nearest(head, model)}"


def sentence(model: type[BaseModel], detail: ErrorDetails) -> str:
    path = detail["loc"]
    name = spell(path)
    if detail["type"] == "missing":
        return f"{name} is missing: set it in the environment, the secrets directory or sluice.toml"
    if detail["type"] == "extra_forbidden":
        owner = _nested(model, str(path[0])) if len(path) > 1 else model
        return f"{name} is not a setting{_nearest(str(path[-1]), owner or model)}"
    message = detail["msg"].removeprefix("Value error, ")
    return f"{name}: {message}" if path else message


def _nested(model: type[BaseModel], name: str) -> type[BaseModel] | None:
    """The connector's model behind `Model | None` or `dict[name, Model]`."""
    field = model.model_fields.get(name)
    kinds = get_args(field.annotation) if field else ()
    return next((kind for kind in kinds if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def _nearest(name: str, among: type[BaseModel]) -> str:
    near = difflib.get_close_matches(name.lower(), among.model_fields, n=1)
    return f": did you mean {near[0].upper()}?" if near else ""


def speaks(*schemes: str) -> Callable[[SecretStr], SecretStr]:
    """A check of a URL's scheme: a driver that is given another asks a server of its own choice."""

    def check(url: SecretStr) -> SecretStr:
        if url.get_secret_value().partition("://")[0] not in schemes:
            raise ValueError(f"must begin with {schemes[0]}://")
        return url

    return check
