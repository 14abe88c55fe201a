"""What the console and the terminal ask about documents, in one place."""

from dataclasses import dataclass

from router.services.documents.content import Contents
from router.services.documents.dossier import Dossiers


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRoom:
    """Reading about documents, and reading what stands in them."""

    dossiers: Dossiers
    contents: Contents
