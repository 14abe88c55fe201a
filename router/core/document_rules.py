"""Documents that speak about documents: what each kind must name, who may send it, and what it asks for. One table."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from edxml_schemas.statuses import DOC_TYPE_TEXT, BussinessDocType


class Place(StrEnum):
    """Where a document names another one."""

    RESPONSE_FOR = "ResponseFor"
    BUSSINESS = "Bussiness/DocumentId"
    REPLACEMENTS = "ReplacementInfoList"
    OWN_ID = "DocumentId"
    """Its own: vendors repeat the original's there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRule:
    """One row. The first of `places` that names anything counts.

    A kind that `asks` needs an original that is known, accepted and of the same sender, and asks every recipient that
    both have for 15 or 16. What does not ask names nothing.
    """

    kind: BussinessDocType
    places: tuple[Place, ...]
    asks: bool
    per_recipient: bool = False
    """Whether the place may narrow it to some recipients (ReplacementInfo/OrganIdList)."""


DOCUMENT_RULES: Final[Mapping[int, DocumentRule]] = MappingProxyType(
    {
        rule.kind.value: rule
        for rule in (
            DocumentRule(kind=BussinessDocType.NEW, places=(), asks=False),
            DocumentRule(
                kind=BussinessDocType.REVOKE, places=(Place.RESPONSE_FOR, Place.BUSSINESS, Place.OWN_ID), asks=True
            ),
            DocumentRule(
                kind=BussinessDocType.UPDATE, places=(Place.BUSSINESS, Place.RESPONSE_FOR, Place.OWN_ID), asks=True
            ),
            DocumentRule(
                kind=BussinessDocType.REPLACE,
                places=(Place.REPLACEMENTS, Place.BUSSINESS, Place.RESPONSE_FOR, Place.OWN_ID),
                asks=True,
                per_recipient=True,
            ),
        )
    }
)
"""By BussinessDocType. Source: QCVN 102:2016 with Amendment 1:2022, Bussiness."""


def documents_table() -> str:
    """The rows as a Markdown table, as it stands in the README."""
    head = (
        "| BussinessDocType | Vietnamese | English | names its original in, first that does | who may send it "
        "| what it does |\n|---|---|---|---|---|---|"
    )
    return "\n".join((head, *map(_row, DOCUMENT_RULES.values())))


def _row(rule: DocumentRule) -> str:
    vi, en = DOC_TYPE_TEXT[rule.kind]
    places = ", ".join(f"`{each.value}`" for each in rule.places) or "—"
    who = "the original's sender" if rule.asks else "any sender"
    asks = "asks the recipients that both have for 15 or 16" if rule.asks else "sets out anew"
    narrowed = "; `OrganIdList` narrows it per recipient" if rule.per_recipient else ""
    return f"| {rule.kind.value} | {vi} | {en} | {places} | {who} | {asks}{narrowed} |"
