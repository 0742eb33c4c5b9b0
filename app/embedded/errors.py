"""What a person must know when a local server does not start."""


class EmbeddedError(Exception):
    """A sentence for the terminal; no traceback helps."""


class EndedError(EmbeddedError):
    """A child ended before it could be used."""
