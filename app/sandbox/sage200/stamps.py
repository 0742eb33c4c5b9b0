from datetime import datetime, timedelta

from app.sandbox.world import World


def stamp_now(world: World) -> str:
    """UTC to the millisecond, as stored: six digits of a second, so that text sorts by time."""
    return stamp_of(world.clock.now())


def stamp_later(world: World, seconds: float) -> str:
    return stamp_of(world.clock.now() + timedelta(seconds=seconds))


def stamp_of(moment: datetime) -> str:
    return f"{moment.replace(tzinfo=None).isoformat(timespec='milliseconds')}000"
