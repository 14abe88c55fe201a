"""The table of answers: which documents an accepted document answers, as its signed header says."""

from typing import Final

from sqlalchemy import Column, ForeignKey, Integer, Table

from router.adapters.sql.metadata import METADATA, TEXT, partial_index

ANSWERS: Final = Table(
    "answers",
    METADATA,
    Column("message_id", TEXT, ForeignKey("messages.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("document_id", TEXT, nullable=False),
    Column("code", TEXT, nullable=False),
    Column("organ", TEXT, nullable=False),
)
"""A row per ResponseFor, in its order. What it names need not be known here."""

partial_index(ANSWERS, "document_id <> ''", "document_id", name="ix_answers_document_id")
partial_index(ANSWERS, "code <> ''", "code", name="ix_answers_code")
