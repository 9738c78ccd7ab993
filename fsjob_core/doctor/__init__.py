"""The doctor: every state that a crash, a foreign tool or a defect of Node's can leave has a name and a repair.

Finding takes no lock and makes nothing. A repair takes the job's own locks, judges again under them, and acts;
nothing is deleted that could not be put back: it goes by rename into the trash.
"""

from .finding import find, look_again
from .locks import lock_problem
from .plans import plan
from .problems import LITTER_KINDS, LOCK_KINDS, Kind, Problem, headline
from .repairing import REPAIRS, repair

FORCIBLE = tuple(kind for kind in REPAIRS if not kind.automatic)
"""Kinds that are left for an operator, and that repair mends where it is forced to."""

__all__ = [
    "FORCIBLE",
    "LITTER_KINDS",
    "LOCK_KINDS",
    "Kind",
    "Problem",
    "find",
    "headline",
    "lock_problem",
    "look_again",
    "plan",
    "repair",
]
