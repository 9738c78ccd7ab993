"""What a drill says of itself: a JSON line from its own process to whoever shows it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

MADE, SOLVED = "made", "solved"


@dataclass(frozen=True, slots=True)
class Report:
    """`state`: made or solved. `seconds`: since the trouble was made. `left`: what is left of it, in a few words."""

    incident: str
    directory: str
    state: str
    left: str
    seconds: float
    text: str
    """The trouble, or once it is solved what a good answer was."""

    @property
    def solved(self) -> bool:
        return self.state == SOLVED

    @property
    def words(self) -> str:
        """For the store line."""
        return f"solved in {_minutes(self.seconds)}" if self.solved else self.left

    @property
    def news(self) -> str:
        """What is to be told once."""
        if self.solved:
            return f"drill {self.incident}: solved in {_minutes(self.seconds)}. A good answer: {self.text}"
        return f"drill {self.incident}: {self.text}"

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, line: str | bytes) -> Report:
        return cls(**json.loads(line))


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
