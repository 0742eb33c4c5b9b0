"""Virtualstock, simulated: both roots under `/virtualstock`, pushes, and its people under `/_sandbox`."""

from starlette.routing import BaseRoute

from app.sandbox.mirror import Doc
from app.sandbox.store import Change
from app.sandbox.virtualstock import login
from app.sandbox.virtualstock.people import People
from app.sandbox.virtualstock.products import seed_products
from app.sandbox.virtualstock.push import HOOK, Pusher, check_hook
from app.sandbox.virtualstock.retailers import find_retailer, seed_carriers, seed_retailers
from app.sandbox.virtualstock.routes import Api
from app.sandbox.virtualstock.switches import DEFAULTS, FITS
from app.sandbox.world import World

FIRST_ORDERS_ID, FIRST_PRODUCTS_ID = 912, 4410


def mount(world: World) -> list[BaseRoute]:
    world.switches.declare(
        {f"virtualstock.{name}": value for name, value in DEFAULTS.items()},
        {f"virtualstock.{name}": fits for name, fits in FITS.items()},
    )
    world.seeders["virtualstock"] = seed
    api = Api(world)
    return [*People(world, api.throttle, Pusher(world)).routes(), *api.routes()]


def seed(change: Change, spec: Doc) -> Doc:
    """`spec`: catalogue; `accounts` (`{username, password, retailers?, outgoing?}`; `outgoing`: the folder that its
    SFTP job empties), `retailers` that differ from the three there are, `hooks` as `push.check_hook` takes them,
    `articles` that no other vendor knows.
    """
    retailers = seed_retailers(change, spec.get("retailers", []))
    seed_carriers(change)
    accounts = [
        add_account(change, wish, [one["code"] for one in retailers]) for wish in spec.get("accounts", ())
    ]
    for account in accounts:
        served = [find_retailer(change, code) for code in account["retailers"]]
        seed_products(change, [*spec["catalogue"], *spec.get("articles", ())], served, account["username"])
    for wish in spec.get("hooks", ()):
        change.put(HOOK, change.next_id(HOOK), check_hook(wish))
    return {"accounts": [account["username"] for account in accounts], "retailers": retailers}


def add_account(change: Change, wish: Doc, codes: list[str]) -> Doc:
    """One supplier's login. Raises ValueError."""
    known = {"username", "password", "retailers", "outgoing"}
    if set(wish) - known or not {"username", "password"} <= set(wish):
        raise ValueError("an account has username, password, retailers and outgoing")
    account = {
        "username": wish["username"],
        "password": wish["password"],
        "retailers": wish.get("retailers", codes),
        "outgoing": wish.get("outgoing", ""),
        "orders_id": change.next_id("virtualstock.supplier", FIRST_ORDERS_ID),
        "products_id": change.next_id("virtualstock.products_supplier", FIRST_PRODUCTS_ID),
        "active": True,
    }
    change.put(login.ACCOUNT, account["username"], account)
    return account
