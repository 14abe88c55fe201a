"""What can go wrong with the store of keys, besides a refusal.

UsageFault      BadKey            a key that cannot be made (exit 2)
                WrongAccessKey    access.key does not fit access.db (exit 2)
Unavailable     AccessUnavailable the store cannot be read or written now (exit 3)
                LoginsBusy        too many logins at once; try again
"""

from agents.errors import Unavailable, UsageFault


class BadKey(UsageFault):
    """What was asked of a key cannot be."""


class WrongAccessKey(UsageFault):
    """The key that seals the secrets is missing, is no key, or is not the one they were sealed with."""


class AccessUnavailable(Unavailable):
    """The database of keys cannot be opened, read or written."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Không mở, đọc hoặc ghi được kho khóa truy cập: {reason}",
            f"The store of access keys cannot be opened, read or written: {reason}",
        )


class LoginsBusy(Unavailable):
    """More logins at once than this machine checks."""

    def __init__(self) -> None:
        super().__init__(
            "Quá nhiều lượt đăng nhập cùng lúc, xin thử lại.", "Too many logins at the same time; try again."
        )
