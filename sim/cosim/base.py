"""The common part of all co-simulations: the comparison of Verilog with its integer model, and a result in figures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from typing import Any

from lmu_hw.core.display import Displayed
from lmu_hw.sim.hdl.runner import Simulator
from lmu_hw.sim.targets.run import Run


@dataclass(frozen=True)
class DigitalCheck:
    """Verilog against the integer model.

    Attributes:
        samples: The number of samples that were sent.
        beats: The number of beats that came out and were compared.
        mismatches: The number of words that differ, are missing or have wrong marks.
        simulator: The HDL simulator.
        messages: The failures of the bench, or the first mismatch of the scoreboard, a line each.
        passed: Whether everything was compared and nothing differs.
    """

    samples: int
    beats: int
    mismatches: int
    simulator: str
    messages: tuple[str, ...]
    passed: bool

    @classmethod
    def of_run(cls, run: Run, words: int, simulator: Simulator | str) -> DigitalCheck:
        """Return the check of a run of one target, of which `words` words are expected."""
        score = run.scores[0] if run.scores else None
        beats, mismatches = (score.checked, score.mismatches) if score else (0, words)
        return cls(run.targets[0].sent, beats, mismatches, str(simulator), run.bench.messages, run.passed)

    @classmethod
    def of_score(cls, run: Run, k: int, words: int, simulator: Simulator | str) -> DigitalCheck:
        """Return the check of target k among several by its score alone; `words` words are expected of it."""
        sent = run.targets[k].sent
        if not run.scores:
            return cls(sent, 0, words, str(simulator), ("the bench did not get as far",), False)
        score = run.scores[k]
        said = (score.first_mismatch,) if score.first_mismatch else ()
        return cls(sent, score.checked, score.mismatches, str(simulator), said, score.passed)


class Cosim(Displayed, ABC):
    """The result of a co-simulation."""

    @property
    @abstractmethod
    def passed(self) -> bool:
        """Whether every check held."""

    @property
    @abstractmethod
    def figures(self) -> Mapping[str, Any]:
        """The comparisons, each a dataclass or a plain value, by its key in a result file."""

    def _facts(self) -> Iterable[tuple[str, str]]:
        yield "passed", str(self.passed)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain values, and whether all checks passed."""
        return {key: _plain(value) for key, value in self.figures.items()} | {"passed": self.passed}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return list(value)
    if is_dataclass(value):
        return {key: _plain(each) for key, each in vars(value).items()}
    return value
