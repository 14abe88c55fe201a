"""What pages and commands about documents stand on, put together: search, index, dossiers, contents."""

import asyncio

from sqlalchemy import Engine

from edxml_schemas.trust import TrustMaterial
from router.adapters.clock import SystemClock
from router.adapters.hub_certificates import former_certificates
from router.adapters.sql.search import SqlSearch
from router.app.parts import open_hub_key, open_payloads, open_trust, policy_of
from router.ports import Clock, Payloads, Store, TrustSource
from router.services.documents.content import Contents
from router.services.documents.dossier import Dossiers
from router.services.documents.envelopes import Envelopes
from router.services.documents.room import DocumentRoom
from router.services.proof.exporting import EvidenceExport, Keys
from router.services.search.indexing import Indexing, IndexKeeper
from router.settings import Settings


class FreshTrust:
    """The trust folders as they are when somebody asks."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def material(self) -> TrustMaterial:
        return open_trust(self._settings).material()


def keys_of(settings: Settings) -> Keys:
    """The hub's key and its former certificates. Raises UsageProblem when there is no key that can be used."""
    former = former_certificates(settings.folder / settings.seals.former_certificates)
    return Keys(pen=open_hub_key(settings), former=former)


def evidence_export(
    settings: Settings, store: Store, payloads: Payloads, *, clock: Clock, trust: TrustSource | None = None
) -> EvidenceExport:
    return EvidenceExport(
        store,
        payloads,
        trust or FreshTrust(settings),
        keys=lambda: keys_of(settings),
        hub=settings.hub,
        clock=clock,
    )


def document_room(settings: Settings, store: Store, *, clock: Clock, payloads: Payloads | None = None) -> DocumentRoom:
    """`payloads` are those of the settings unless others are given."""
    kept = payloads or open_payloads(settings, writer="reader")
    envelopes = Envelopes(kept, limits=settings.limits.as_limits())
    return DocumentRoom(
        dossiers=Dossiers(store, envelopes, policy_of(settings).clocks),
        contents=Contents(store, envelopes, evidence_export(settings, store, kept, clock=clock), clock=clock),
    )


async def keep_index(store: Store, engine: Engine, stopping: asyncio.Event) -> None:
    """Keeps the index of the search behind the log until stopped."""
    indexing = Indexing(SqlSearch(engine), store, clock=SystemClock())
    await IndexKeeper(indexing, stopping).run()
