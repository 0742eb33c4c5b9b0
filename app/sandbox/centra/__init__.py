"""Centra, simulated: GraphQL at `/centra/graphql`, webhooks to every configured plugin, people under `/_sandbox`."""

import asyncio

from starlette.routing import Route

from app.sandbox.centra.answer import Endpoint
from app.sandbox.centra.catalogue import store_catalogue
from app.sandbox.centra.deliver import Sender
from app.sandbox.centra.people import People, add_plugin
from app.sandbox.centra.psp import Provider
from app.sandbox.centra.switches import DEFAULTS, FITS
from app.sandbox.centra.tokens import issue_token
from app.sandbox.mirror import Doc
from app.sandbox.store import Change
from app.sandbox.world import World


def mount(world: World) -> list[Route]:
    world.switches.declare(DEFAULTS, FITS)
    seen: set[int] = set()
    sender = Sender(world, seen)
    provider = Provider(world, sender.wake)

    def wake() -> None:
        sender.wake()
        provider.wake()

    endpoint = Endpoint(world, wake, seen)

    def seed(change: Change, spec: Doc) -> Doc:
        """`spec`: catalogue; `articles` that no other vendor knows; tokens and plugins as the people's routes take them."""
        return {
            "sizes": store_catalogue(change, [*spec["catalogue"], *spec.get("articles", ())]),
            "tokens": [issue_token(change, wish, world.clock.now()) for wish in spec.get("tokens", ())],
            "plugins": [add_plugin(change, wish) for wish in spec.get("plugins", ())],
        }

    world.seeders["centra"] = seed
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass  # built outside a server: the first call wakes the sender
    else:
        wake()
    people = People(world, wake, lambda: endpoint.quota)
    return [Route("/centra/graphql", endpoint.answer, methods=["POST"]), *people.routes()]
