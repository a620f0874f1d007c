"""What can go wrong on the warehouse's side of a history load; the rest is in `dot_provider.api.errors`."""

from __future__ import annotations

from dot_provider.api.errors import DotError


class HistoryLoadError(DotError):
    """The warehouse did not take the rows; its tables still hold their last complete state.

    ``retryable`` is True where the same load can succeed later unchanged: a locked file, a lost connection, another
    load of the same conversations at the same moment.
    """

    def __init__(self, message: str, *, retryable: bool = True) -> None:
        super().__init__(message)
        self.retryable = retryable
