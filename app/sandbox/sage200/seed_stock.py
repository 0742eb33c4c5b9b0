"""Warehouses, and each article of the catalogue as a product with stock in the first of them."""

from decimal import Decimal

from app.sandbox.catalogue import trade_price
from app.sandbox.mirror import Doc
from app.sandbox.sage200.fields import half_up
from app.sandbox.sage200.seed_codes import RETAILERS
from app.sandbox.sage200.seeding import Seeding
from app.sandbox.sage200.stock import derive

VAT = (("standard", "1"), ("zero", "2"))
# What bears no VAT is for children.
GROUPS = (("standard", "CLOTHING", "Clothing"), ("zero", "CHILDREN", "Children's wear"))
ZERO = (
    "reorder_level",
    "minimum_level",
    "maximum_level",
    "quantity_reserved",
    "unconfirmed_qty_in_stock",
    "quantity_on_order",
    "quantity_allocated_stock",
    "quantity_allocated_sop",
    "quantity_allocated_bom",
)


def seed_groups(seeding: Seeding) -> None:
    for _, code, description in GROUPS:
        doc = {
            "code": code,
            "description": description,
            "product_type": "Stock",
            "costing_method": "Average",
            "keep_movement_history": True,
            "can_levels_go_negative": False,
            "can_over_allocate_negative_stock": False,
            "use_description_on_documents": False,
        }
        seeding.put("product_group", code, doc)


def seed_stock(seeding: Seeding, catalogue: list[Doc]) -> None:
    seed_groups(seeding)
    groups = {vat: seeding.id_of("product_group", code) for vat, code, _ in GROUPS}
    nominal = seeding.id_of("nominal_code", "/".join(seeding.spec["nominals"][0]))
    for place, name in enumerate(seeding.spec["warehouses"]):
        doc = {
            "name": name,
            "description": name,
            "use_for_sales_trading": place == 0,
            "country": "United Kingdom",
        }
        seeding.put("warehouse", name, doc)
    for article in catalogue:
        vat = seeding.id_of("tax_code", dict(VAT)[article["vat"]])
        doc = {
            "code": article["sku"],
            "name": f"{article['name']} {article['colour']} {article['size']}"[:60],
            "description": "",
            "barcode": article.get("ean", ""),
            "allow_sales_order": True,
            "product_group_id": groups[article["vat"]],
            "tax_code_id": vat,
            "product_status_type": "Active",
            "average_buying_price": "0",
            "revenue_nominal_code_id": nominal,
            "list_price": str(net_price(article)),
            "band_prices": {str(seeding.id_of("price_band", RETAILERS)): str(trade_price(article))},
        }
        product = seeding.put("product", article["sku"], doc)
        for place, name in enumerate(seeding.spec["warehouses"]):
            stock = article["stock"] if place == 0 else 0
            seeding.put(
                "warehouse_holding", f"{article['sku']}@{name}", holding_of(seeding, product, name, stock)
            )


def net_price(article: Doc) -> Decimal:
    gross = Decimal(article["price"]["GBP"])
    return half_up(gross / Decimal("1.2"), 2) if article["vat"] == "standard" else gross


def holding_of(seeding: Seeding, product: int, warehouse: str, stock: int) -> Doc:
    return derive(
        {
            "product_id": product,
            "warehouse_id": seeding.id_of("warehouse", warehouse),
            "warehouse_name": warehouse,
            **dict.fromkeys(ZERO, "0"),
            "confirmed_qty_in_stock": str(stock),
        }
    )
