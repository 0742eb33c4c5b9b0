"""Where settings come from: names and texts in, one nested mapping out. What names a setting last wins."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, EnvSettingsSource

SECRET_SIZE_MOST = 64 * 1024


class UnreadableError(Exception):
    """A source that cannot be read; the sentence names it and holds no value."""


class Texts(EnvSettingsSource):
    """`SLUICE_CENTRA__uk__TOKEN`-like names with their texts, wherever they were read; names ignore case."""

    def __init__(self, model: type[BaseSettings], texts: Mapping[str, str]) -> None:
        self._texts = {name.lower(): text for name, text in texts.items()}
        super().__init__(model, case_sensitive=False)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        return self._texts

    def decode_complex_value(self, field_name: str, field: FieldInfo, value: Any) -> Any:
        """A list may be written `a,b` as well as `["a", "b"]`."""
        if not isinstance(value, str) or value.lstrip()[:1] in {"[", "{"}:
            return super().decode_complex_value(field_name, field, value)
        return [part.strip() for part in value.split(",") if part.strip()]


def read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UnreadableError(f"SLUICE_CONFIG names {path}, which does not exist") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{path} cannot be read: {type(error).__name__}") from error
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(f"{path} is not TOML: {error}") from error


def read_secrets(folder: Path, prefix: str) -> dict[str, str]:
    """One file a secret: `SLUICE_SAGE200__CLIENT_SECRET`, `sage200__client_secret` or `sage200/client_secret`.

    Hidden files are not ours to read: the token copies, and what Kubernetes keeps behind its links.
    """
    if not folder.is_dir():
        raise UnreadableError(f"SLUICE_SECRETS_DIR names {folder}, which is not a folder")
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if any(part.startswith(".") for part in parts) or not path.is_file():
            continue
        name = "__".join(parts).lower()
        found[prefix.lower() + name.removeprefix(prefix.lower())] = _secret(path)
    return found


def _secret(path: Path) -> str:
    try:
        if path.stat().st_size > SECRET_SIZE_MOST:
            raise UnreadableError(f"{path} is too large for a secret")
        return path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise UnreadableError(f"{path} cannot be read: {type(error).__name__}") from error


def overlay(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """The last layer that names a leaf wins."""
    merged: dict[str, Any] = {}
    for layer in layers:
        for name, value in layer.items():
            below = merged.get(name)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                merged[name] = overlay(below, value)
            else:
                merged[name] = value
    return merged


def secrets_in(value: Any) -> Iterator[SecretStr]:
    if isinstance(value, SecretStr):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from secrets_in(item)
    elif isinstance(value, list | tuple | set | frozenset):
        for item in value:
            yield from secrets_in(item)
