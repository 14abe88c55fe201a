"""Namespaces and element names of EDXML (QCVN 102:2016/BTTTT, Amendment 1:2022)."""

from typing import Final

EDXML_NS: Final = "http://www.mic.gov.vn/TBT/QCVN_102_2016"
"""Namespace of everything in an envelope, inside and outside `edXMLEnvelope`."""

DSIG_NS: Final = "http://www.w3.org/2000/09/xmldsig#"
DSIG_MORE_NS: Final = "http://www.w3.org/2001/04/xmldsig-more#"
XMLENC_NS: Final = "http://www.w3.org/2001/04/xmlenc#"
EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
XLINK_NS: Final = "http://www.w3.org/1999/xlink"
XINCLUDE_NS: Final = "http://www.w3.org/2001/XInclude"

RECEIPT_NS: Final = "urn:vn:truc-lien-thong:receipt:1"
"""Namespace of the hub's own receipts; no norm defines one."""

EDXML_PREFIX: Final = "edXML"
MEDIA_TYPE: Final = "application/edxml+xml"


def q(name: str) -> str:
    """The Clark name `{namespace}name` of an EDXML element."""
    return f"{{{EDXML_NS}}}{name}"


def ds(name: str) -> str:
    """The Clark name of an XMLDSig element."""
    return f"{{{DSIG_NS}}}{name}"


def local(tag: object) -> str:
    """The local name of a Clark name; empty for comments and processing instructions."""
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""
