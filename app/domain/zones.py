"""Where a country stands for the VAT of a UK seller (finance.md 4.2)."""

UK, EU, CHANNEL_ISLANDS, REST = "UK", "EU", "CI", "ROW"
ZONES = frozenset({UK, EU, CHANNEL_ISLANDS, REST})

_UK = frozenset({"GB", "IM"})
_CHANNEL_ISLANDS = frozenset({"JE", "GG"})
_EU = frozenset(
    {
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    }
)


def zone_of(country: str) -> str:
    """Of an ISO 3166 code. The Isle of Man is UK for VAT; the Channel Islands are neither UK nor EU."""
    if country in _UK:
        return UK
    if country in _EU:
        return EU
    return CHANNEL_ISLANDS if country in _CHANNEL_ISLANDS else REST
