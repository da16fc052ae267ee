"""What the pure cores raise when a case cannot be read: never a stack trace, never a guess."""


class CaseError(ValueError):
    """A case that does not fit the contract.

    `pointer` is a JSON pointer (RFC 6901) to the offending value, such as "/metrics/0/margin";
    `detail` says what was found and what is wanted instead.
    """

    def __init__(self, title: str, detail: str, pointer: str = "") -> None:
        super().__init__(f"{title}: {detail}")
        self.title = title
        self.detail = detail
        self.pointer = pointer

    def as_problem(self) -> dict[str, str]:
        return {"title": self.title, "detail": self.detail, "pointer": self.pointer}
