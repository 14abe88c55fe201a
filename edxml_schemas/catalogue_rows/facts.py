"""The facts that a text of the catalogue may name, and what a finding puts there."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

FACTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "line": "line of the place (the finding's own)",
        "xpath": "XPath of the place (the finding's own)",
        "value": "what was found there (the finding's own)",
        "element": "local name of the element; without it, the last step of the XPath",
        "parent": "local name of the element around it",
        "attribute": "name of the attribute",
        "expected": "what would have been right",
        "detail": "what exactly is wrong, in technical words",
        "limit": "the bound that was crossed",
        "count": "how many were found",
        "size": "how many bytes were found",
        "length": "how many characters were found",
        "offset": "position in bytes, from 0",
        "hex": "the bytes in hexadecimal",
        "name": "name of the attachment",
        "listed": "name of the attachment as the manifest gives it",
        "actual": "what the bytes really are",
        "sender": "organ code of the sender",
        "owner": "organ code of the body that issued the original document",
        "agent": "name of the agent that speaks",
        "kind": "BussinessDocType of the document",
        "state": "state of the leg",
        "at": "moment of the event",
        "date": "the day or moment that decides: of expiry, of first validity, of revocation",
        "found": "what stands in the signature or certificate",
        "subject": "whose certificate it is",
        "until": "moment until which it counts",
        "to": "organ code of the body that receives instead",
        "reason": "reason that was stated",
        "fingerprint": "SHA-256 of the certificate",
        "stated": "digest that was stated",
        "computed": "digest of the bytes",
        "header": "name of the transport header",
        "place": "where in the document, in element names",
        "reference": "reference under which the hub's log tells more",
    }
)
