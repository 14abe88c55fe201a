"""The effects the hub needs, by name. `adapters/` perform them; in-memory twins ship as product."""

from router.ports.broker import Broker, DeadDelivery, DeliveredReport, Delivery, Placement, QueueDepth, ReportDelivery
from router.ports.clock import Clock
from router.ports.errors import BrokerUnavailable, PayloadUnavailable, StoreConflict, StoreUnavailable
from router.ports.files import Payloads, TrustSource
from router.ports.signing import ReceiptSigner
from router.ports.store import Backlog, Promptness, Store, Transaction

__all__ = [
    "Backlog",
    "Broker",
    "BrokerUnavailable",
    "Clock",
    "DeadDelivery",
    "DeliveredReport",
    "Delivery",
    "PayloadUnavailable",
    "Payloads",
    "Placement",
    "Promptness",
    "QueueDepth",
    "ReceiptSigner",
    "ReportDelivery",
    "Store",
    "StoreConflict",
    "StoreUnavailable",
    "Transaction",
    "TrustSource",
]
