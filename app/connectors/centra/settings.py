"""What one connection to Centra needs to know."""

from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr, field_validator

Status = Annotated[str, Field(pattern=r"^[A-Z_]{1,40}$")]


class CentraSettings(BaseModel):
    """`base_url` is the whole GraphQL address. `webhook_secrets`: several while one is being changed; none means that
    no webhook is accepted. `prefix` begins every probe key of this connection. `store`: other stores' orders do not
    exist for this connection. `release_statuses`: an order that reached one of them may be posted (R-32).
    `dispatch_origin`: where despatches begin; what the other side does is not told back, or it would come round again.
    `requests_per_second`: below the plan's 60 in 10 s, which strangers share (centra.md 2.3).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: AnyHttpUrl
    token: SecretStr = Field(min_length=1)
    webhook_secrets: tuple[Annotated[SecretStr, Field(min_length=1)], ...] = ()
    prefix: str = Field(pattern=r"^[A-Z0-9]{1,7}$")
    store: int | None = Field(default=None, ge=0)
    tolerance_seconds: int = Field(default=300, ge=1, le=3600)
    instance_zone: str = "Europe/Stockholm"
    events_enabled: bool = True
    timeout_seconds: float = Field(default=15.0, gt=0, le=300)
    release_statuses: frozenset[Status] = Field(
        default=frozenset({"CONFIRMED", "PROCESSING", "SHIPPED"}), min_length=1
    )
    overlap_seconds: int = Field(default=300, ge=60, le=86_400)
    backfill_days: int = Field(default=3, ge=0, le=365)
    requests_per_second: float = Field(default=4.0, gt=0, le=150)
    dispatch_origin: Literal["erp", "channel"] = "erp"

    @field_validator("instance_zone")
    @classmethod
    def _is_a_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, OSError):
            raise ValueError("no such time zone") from None
        return name

    @field_validator("release_statuses")
    @classmethod
    def _posts_no_cancelled_order(cls, statuses: frozenset[str]) -> frozenset[str]:
        if "CANCELLED" in statuses:
            raise ValueError("a cancelled order is never posted")
        return statuses

    @property
    def ships_itself(self) -> bool:
        return self.dispatch_origin == "channel"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.instance_zone)
