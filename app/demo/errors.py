from app.embedded.errors import EmbeddedError


class DemoError(EmbeddedError):
    """The day cannot go on; the sentence says what to do."""
