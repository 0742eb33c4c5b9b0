"""Sage's small tables, read whole."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.connectors.sage200.client import Client
from app.connectors.sage200.payloads import (
    AnalysisRow,
    ChargeRow,
    CountryRow,
    CurrencyRow,
    GroupRow,
    NominalRow,
    SettingsRow,
    TaxRow,
    WarehouseRow,
    read,
)

ORDER_CLASSES = frozenset({"soporderreturn", "soporder"})


@dataclass(frozen=True, slots=True)
class Tables:
    """`warehouses`, `countries`: name or code -> record id. `currencies`: record id -> ISO code.
    `groups`: record id -> product group.
    `analysis`: the mappings of sales order headers, by slot 1..20.
    """

    read_at: datetime
    taxes: Mapping[str, TaxRow]
    warehouses: Mapping[str, int]
    countries: Mapping[str, int]
    currencies: Mapping[int, str]
    groups: Mapping[int, str]
    charges: frozenset[str]
    nominals: frozenset[tuple[str, str, str]]
    analysis: Mapping[int, AnalysisRow]
    settings: SettingsRow


async def read_tables(client: Client, now: datetime) -> Tables:
    """One request after the other: Sage is spared (sage200.md 11), and this is rare."""
    nominals = await client.rows("nominal_codes", {"select": "id,reference,cost_centre_code,department_code"})
    taxes = read(TaxRow, await client.rows("tax_codes", {}))
    warehouses = read(WarehouseRow, await client.rows("warehouses", {}))
    countries = read(CountryRow, await client.rows("country_codes", {}))
    currencies = read(CurrencyRow, await client.rows("currencies", {"expand": "currency_iso_code"}))
    charges = read(ChargeRow, await client.rows("sop_additional_charges", {}))
    groups = read(GroupRow, await client.rows("product_groups", {"select": "id,code"}))
    return Tables(
        read_at=now,
        taxes={row.code: row for row in taxes},
        warehouses={row.name: row.id for row in warehouses if row.use_for_sales_trading},
        countries={row.code.upper(): row.id for row in countries},
        currencies={row.id: row.currency_iso_code.code.upper() for row in currencies},
        groups={row.id: row.code.strip() for row in groups},
        charges=frozenset(row.code for row in charges),
        nominals=frozenset(
            (row.reference, row.cost_centre_code, row.department_code) for row in read(NominalRow, nominals)
        ),
        analysis=await _order_analysis(client),
        settings=read(SettingsRow, [await client.single("sop_settings") or {}])[0],
    )


async def _order_analysis(client: Client) -> Mapping[int, AnalysisRow]:
    rows = read(AnalysisRow, await client.rows("analysis_code_mappings", {}))
    ours = (row for row in rows if row.class_name.rpartition(".")[2].lower() in ORDER_CLASSES)
    return {_slot(row): row for row in ours}


def _slot(row: AnalysisRow) -> int:
    """The number in `AnalysisCode1` says which field it is; whether `slot` counts from 0 or 1 is written nowhere."""
    named = re.search(r"(\d+)$", row.property_name)
    return int(named[1]) if named else row.slot
