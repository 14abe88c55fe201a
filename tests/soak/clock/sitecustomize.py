"""Found by the interpreters that the rig starts, through PYTHONPATH: their clocks are ahead by what a file says.

The product has no such knob. Hub and agents ask one class each what time it is, and that class is changed here, before
anything of the product runs. The file holds seconds; without it the clocks go right.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

_OFFSET = Path(os.environ.get("SOAK_CLOCK", os.devnull))


def _now(_clock: object) -> datetime:
    try:
        ahead = float(_OFFSET.read_text(encoding="ascii") or 0)
    except (OSError, ValueError):
        ahead = 0.0
    return datetime.now(UTC) + timedelta(seconds=ahead)


if "agents.cli" in sys.orig_argv:
    import agents.desk

    agents.desk.SystemClock.now = _now  # type: ignore[assignment,method-assign]  # the one clock of an agent
else:
    import router.adapters.clock

    router.adapters.clock.SystemClock.now = _now  # type: ignore[assignment,method-assign]  # the one clock of the hub
