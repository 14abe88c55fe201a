"""What asks how far the search and the figures are behind the log."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import Engine

from router.adapters.sql.figures import SqlFigures
from router.adapters.sql.search import SqlSearch
from router.core.log_lag import Lag, LogReader
from router.ports import Store
from router.services.log_lag import Lags, lag_after


def lags_of(store: Store, engine: Engine) -> Lags:
    """Both readers of the log that `truc run` keeps, on the database that `store` is in."""
    search, figures = SqlSearch(engine), SqlFigures(engine)

    def lags(now: datetime) -> Mapping[LogReader, Lag]:
        newest = search.newest_event()
        marks = {LogReader.SEARCH: search.mark().seq, LogReader.FIGURES: figures.mark()}
        return {reader: lag_after(seq, store, newest=newest, now=now) for reader, seq in marks.items()}

    return lags
