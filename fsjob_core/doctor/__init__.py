"""The doctor: every state that a crash, a foreign tool or a defect of Node's can leave has a name and a repair.

Finding takes no lock and makes nothing. A repair takes the job's own locks, judges again under them, and acts;
nothing is deleted that could not be put back: it goes by rename into the trash.
"""

from .finding import find
from .locks import lock_problem
from .problems import Kind, Problem
from .repairing import repair

__all__ = ["Kind", "Problem", "find", "lock_problem", "repair"]
