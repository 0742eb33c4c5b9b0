class Refused(Exception):  # noqa: N818 - an answer of the API, not a failure of ours
    """Becomes the answer: `status` with `{"Message": message}`, or an empty body without a message."""

    def __init__(self, status: int, message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def invalid(message: str) -> Refused:
    return Refused(400, message)
