"""What can go wrong at an agent besides a refusal.

    AgentFault
    ├── UsageFault          a setting, an argument or a file that cannot be (exit 2)
    │   ├── UnknownLeg
    │   └── UnknownDocument
    └── Unavailable         infrastructure that is away now; try again (exit 3)
        ├── LinkUnavailable
        ├── BlobsUnavailable
        ├── SpoolUnavailable
        └── AgentBusy       another process runs this agent

A refusal is not an error: it is a value, a tuple of findings.
"""


class AgentFault(Exception):
    """A fault with a text for people in Vietnamese and in English."""

    def __init__(self, vi: str, en: str) -> None:
        super().__init__(f"{vi} / {en}")
        self.vi = vi
        self.en = en


class UsageFault(AgentFault):
    """What was asked cannot be done, now or later."""


class UnknownLeg(UsageFault):
    """No delivery with this leg id is in the spool."""

    def __init__(self, leg_id: str) -> None:
        super().__init__(f"Không có văn bản đến nào mang mã {leg_id}.", f"No delivery has the leg id {leg_id}.")


class UnknownDocument(UsageFault):
    """No document sent by this agent answers to the name."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"Không có văn bản đi nào mang mã {name}.", f"No document sent by this agent is called {name}."
        )


class Unavailable(AgentFault):
    """Something outside is away. Nothing is lost; try again."""


class LinkUnavailable(Unavailable):
    """The broker cannot be reached, or did not confirm."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Không kết nối được trục (RabbitMQ): {reason}", f"The broker cannot be reached: {reason}")


class BlobsUnavailable(Unavailable):
    """The hub's blob door cannot be reached, or refuses."""

    def __init__(self, reason: str, *, vi: str = "", en: str = "") -> None:
        """`vi` and `en` tell in words what the short `reason` means, where there is something to tell."""
        super().__init__(
            f"Không gửi, nhận được văn bản lớn qua kho của trục: {reason}{vi and f' ({vi})'}",
            f"The hub's store of large envelopes does not serve: {reason}{en and f' ({en})'}",
        )


class SpoolUnavailable(Unavailable):
    """The spool cannot be opened or written."""

    def __init__(self, reason: str) -> None:
        super().__init__(
            f"Không mở hoặc ghi được kho tạm: {reason}", f"The spool cannot be opened or written: {reason}"
        )


class AgentBusy(Unavailable):
    """Another process runs the agent of this spool."""

    def __init__(self, spool: object) -> None:
        super().__init__(
            f"Đã có tiến trình khác đang chạy tác nhân của kho tạm {spool}.",
            f"Another process already runs the agent of the spool {spool}.",
        )
