"""The tables of the search. Everything in them follows from the others, and is made again from the log."""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, Table

from router.adapters.sql.metadata import DERIVED, METADATA, TEXT

SEARCH_DOCUMENTS: Final = Table(
    "search_documents",
    METADATA,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("message_id", TEXT, nullable=False, index=True),
    Column("legs", Integer, nullable=False),
    Column("fixed", TEXT, nullable=False),
    Column("marks", TEXT, nullable=False),
    info=DERIVED,
)
"""The documents in the order in which the index learnt of them, numbered from 0. `fixed` is a digest of the terms that
were written, `marks` are the terms that change, with line feeds between them."""

SEARCH_POSTINGS: Final = Table(
    "search_postings",
    METADATA,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("term", TEXT, primary_key=True),
    Column("bits", LargeBinary, nullable=False),
    info=DERIVED,
    sqlite_with_rowid=False,
)
"""Which documents of a block have a term, as `core.search_bits` writes it. Blocks come first in the key: what is asked
for most is new, and lies together."""

SEARCH_WORDS: Final = Table(
    "search_words",
    METADATA,
    Column("term", TEXT, primary_key=True),
    info=DERIVED,
    sqlite_with_rowid=False,
)
"""Every term in which a part of a word may be looked for."""

SEARCH_MARK: Final = Table(
    "search_mark",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("version", BigInteger, nullable=False),
    Column("seq", BigInteger, nullable=False),
    Column("registry", BigInteger, nullable=False),
    Column("gaps", TEXT, nullable=False),
    info=DERIVED,
)
"""At most one row, with id 1: how far the log has been read. `gaps` is JSON."""
