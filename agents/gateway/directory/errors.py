"""What can go wrong at the directory, besides not finding anything."""

from agents.errors import Unavailable, UsageFault


class DirectoryUnavailable(Unavailable):
    """The directory's file cannot be opened, read or written."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Không mở hoặc ghi được danh bạ cơ quan: {reason}",
            f"The directory of organs cannot be opened or written: {reason}",
        )


class HubListUnavailable(Unavailable):
    """The hub's list of organs cannot be had at present; the copy that is here goes on serving."""

    def __init__(self, reason: str, *, vi: str = "", en: str = "") -> None:
        """`vi` and `en` tell in words what the short `reason` means, where there is something to tell."""
        super().__init__(
            f"Chưa đồng bộ được danh bạ cơ quan với trục: {reason}{vi and f' ({vi})'}",
            f"The directory of organs cannot be synchronised with the hub: {reason}{en and f' ({en})'}",
        )


class ListBroken(HubListUnavailable):
    """What the hub sent is not the whole list, or not a list."""


class BadCursor(UsageFault):
    """A cursor that no search gave out."""

    def __init__(self) -> None:
        super().__init__(
            "Con trỏ trang không đúng; hãy tìm lại từ đầu.", "This is no cursor of a search; begin the search anew."
        )
