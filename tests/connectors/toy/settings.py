from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr


class ToySettings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: AnyHttpUrl
    token: SecretStr
    secret: SecretStr
    prefix: str = Field(pattern=r"^[A-Z0-9]{1,7}$")
    timeout_seconds: float = Field(default=5.0, gt=0)
