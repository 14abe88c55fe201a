"""What a lost infrastructure is called. Whoever calls decides how long to wait."""


class StoreUnavailable(Exception):
    """The database cannot be reached or refuses to write. Nothing was committed; try again later."""


class StoreConflict(StoreUnavailable):
    """Another writer was quicker (a leg moved on, a message is there already, a deadlock was broken), or a change
    contradicts what is there. Nothing was committed; run the transaction again, a few times, reading anew."""


class BrokerUnavailable(Exception):
    """The broker cannot be reached. Nothing was confirmed; try again later."""


class PayloadUnavailable(Exception):
    """Bytes that were promised cannot be read now."""
