"""A console over a hub with a past: signed documents, their statuses, a repetition, a refusal; and its search."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from router.adapters.memory_payloads import MemoryPayloads
from router.core.registry import OrganRecord
from router.ports import Clock, Payloads, Store
from router.services.documents.content import Contents
from router.services.documents.dossier import Dossiers
from router.services.documents.envelopes import Envelopes
from router.services.documents.room import DocumentRoom
from router.services.proof.exporting import EvidenceExport, Keys
from router.services.search.indexing import Indexing
from tests.support.console import ConsoleHouse, Hands, in_memory
from tests.support.envelopes import SENDER
from tests.support.hub_desk import G17, H14, H41, Desk
from tests.support.provable import ProvableHub

MINISTRY: Final = "000.00.00.G01"
"""Above the sender in the registry."""


class DocumentHouse:
    """`hub.document` is a document of `SENDER` to H41, H14 and G17, with a past."""

    def __init__(self) -> None:
        memories = in_memory()
        self.payloads = MemoryPayloads()
        self.hub = ProvableHub(memories.store, self.payloads)
        self.console = ConsoleHouse(
            memories, documents=room_of(self.desk, memories.store, self.payloads, clock=Hands(self._now()))
        )
        self.console.clock.at = self._now()
        self.place(SENDER, MINISTRY)
        self.store.put_organs([OrganRecord(code=MINISTRY, name="Cơ quan cấp trên")])
        self.index()

    @property
    def desk(self) -> Desk:
        return self.hub.desk

    @property
    def store(self) -> Any:
        return self.console.store

    def place(self, organ: str, parent: str) -> None:
        """Put an organ below another one."""
        self.store.put_organs([replace(self.store.registry().organs[organ], parent=parent)])

    def index(self) -> None:
        """Let the search learn of everything."""
        Indexing(self.console.memories.search, self.store, clock=self.console.clock).catch_up()

    def events(self, name: str) -> list[Mapping[str, str]]:
        """The facts of all events of a name, with their actor and message."""
        found = [each for each in self.store.events_of(self.hub.document.id) if each.name == name]
        return [{**each.facts, "actor": each.actor} for each in found]

    def _now(self) -> Any:
        return self.hub.document.received_at


def room_of(desk: Desk, store: Store, payloads: Payloads, *, clock: Clock) -> DocumentRoom:
    """The services about documents, with a desk's keys and trust."""
    envelopes = Envelopes(payloads)
    export = EvidenceExport(
        store, payloads, desk.trust, keys=lambda: Keys(pen=desk.pen), hub="Trục thử nghiệm", clock=clock
    )
    return DocumentRoom(
        dossiers=Dossiers(store, envelopes, desk.policy.clocks),
        contents=Contents(store, envelopes, export, clock=clock),
    )


__all__ = ["G17", "H14", "H41", "MINISTRY", "SENDER", "DocumentHouse", "room_of"]
