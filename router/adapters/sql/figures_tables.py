"""The tables of sums, and of how far the log has been counted."""

from typing import Final

from sqlalchemy import BigInteger, Column, Integer, Table

from router.adapters.sql.metadata import METADATA, TEXT

FIGURES: Final = Table(
    "figures",
    METADATA,
    Column("period", TEXT, primary_key=True),
    Column("organ", TEXT, primary_key=True),
    Column("kind", TEXT, primary_key=True),
    Column("measure", TEXT, primary_key=True),
    Column("value", BigInteger, nullable=False),
)
"""As in `core/figures.py`. They follow from the log alone, and can be counted anew."""

FIGURES_MARK: Final = Table(
    "figures_mark",
    METADATA,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("seq", BigInteger, nullable=False),
)
"""One row with id 1: the last event that is in the sums."""
