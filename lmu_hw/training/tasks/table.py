"""The tasks of `lmu-hw train`: for each one its name, its options, their defaults and their help.

To add a task, write a module beside this one with a function `prepare`, and list a class with its options in `TASKS`.
The module has the name of the task, with `_` for `-`. Its `prepare(task)` checks the options, loads the data, and gives
a function that trains in a `Run`, with its seed, and returns an `Outcome`; see `lmu_hw.training.tasks.base`. Whatever
is wrong with the options or the data is thus an error before anything is trained. The module also says which networks
are trained, by which recipe, and by which metric they are scored.

The docstring of a class is the help of its subcommand. Nothing is loaded here, so that help comes at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NewType

if TYPE_CHECKING:
    from lmu_hw.training.tasks.base import Outcome, Run

#: The name of a time-stepping method.
Method = NewType("Method", str)
#: Whether the hidden units and states feed back into the memory.
Memory = Literal["linear", "recurrent"]
#: The learning rate over the steps of a training.
Schedule = Literal["constant", "cosine", "linear"]
_MEMORY_HELP = "Whether hidden units and states feed back into the memory (recurrent) or not (linear)."
_METHOD_HELP = "Time-stepping method."


def option(
    help: str,
    *,
    section: str = "Task",
    metavar: str | None = None,
    flag: str | None = None,
    unit: str | None = None,
) -> dict[str, Any]:
    """Describe an option of a task, as the metadata of its field.

    Args:
        help: The help, a phrase.
        section: The section of the help that lists it.
        metavar: The placeholder for its value in the help; by default it follows from the type.
        flag: The flag; by default it is the name of the field.
        unit: The unit of a number, "s"; None where it has none.
    """
    return {"help": help, "section": section, "metavar": metavar, "flag": flag, "unit": unit}


@dataclass(frozen=True)
class Task:
    """A task with values for its options."""

    name: ClassVar[str]

    def prepare(self) -> Callable[[Run], Outcome]:
        """Check the options, load the data, and return a function that trains with one seed.

        Raises:
            DesignError: An option is out of range, or the data cannot be read.
            MissingToolError: A library that the task needs is not installed.
        """
        module = import_module(f"lmu_hw.training.tasks.{self.name.replace('-', '_')}")
        work: Callable[[Run], Outcome] = module.prepare(self)
        return work


@dataclass(frozen=True)
class Capacity(Task):
    """Remember noise for up to 100 000 steps.

    The input 0, T/4, T/2, 3T/4 and T steps ago is read from the states of one memory, which is not trained; 10 Hz
    noise, a window of 1 s, mean square errors. Shown too: readouts that take no data, other steps dt without a new
    readout, and an LSTM.
    """

    name = "capacity"
    steps: tuple[int, ...] = field(
        default=(100, 1000, 10_000, 100_000),
        metadata=option("Numbers of steps in the window, multiples of 4.", metavar="T,T,..."),
    )
    order: int = field(default=100, metadata=option("Number of states of the memory."))
    discretization: Method = field(default=Method("zoh"), metadata=option(_METHOD_HELP))
    lstm_steps: int = field(
        default=100,
        metadata=option(
            "Number of steps in the window of an LSTM with as many units, for comparison; 0 for none.", metavar="T"
        ),
    )


@dataclass(frozen=True)
class MackeyGlass(Task):
    """Predict a chaotic series.

    The Mackey-Glass series with a delay of 17, 15 steps ahead: NRMSE of networks with 18 000 parameters.
    """

    name = "mackey-glass"
    models: tuple[str, ...] = field(
        default=("lmu", "hybrid", "lstm"),
        metadata=option("Some of lmu, hybrid, lstm. The result is about the first one.", metavar="M,M,..."),
    )


@dataclass(frozen=True)
class Psmnist(Task):
    """Classify digits that come pixel by pixel.

    Permuted sequential MNIST: 784 pixels in one random order for all.
    """

    name = "psmnist"
    memory: Memory = field(default="linear", metadata=option(_MEMORY_HELP))
    data: Path | None = field(
        default=None,
        metadata=option(
            "Folder with MNIST as IDX files (.gz or not) or .npz; without it, MNIST is downloaded once.", metavar="DIR"
        ),
    )
    deform: bool = field(
        default=True, metadata=option("Whether training images are shifted, turned and stretched at random.")
    )


@dataclass(frozen=True)
class Digits(Task):
    """Train a small network for hardware.

    scikit-learn's digits, 64 pixels in one random order for all.
    """

    name = "digits"
    memory: Memory = field(default="linear", metadata=option(_MEMORY_HELP))


@dataclass(frozen=True)
class Delay(Task):
    """Learn the window θ from an echo.

    θ begins at twice the delay. The network found is tried at half and at twice the step dt too.
    """

    name = "delay"
    delay: float = field(default=0.1, metadata=option("Delay of the echo, to be found.", metavar="SECONDS", unit="s"))
    order: int = field(default=6, metadata=option("Number of states of the memory."))


@dataclass(frozen=True)
class Arrays(Task):
    """Train on your own sequences.

    Seven tenths of the sequences are trained on, one tenth chooses the epoch, two tenths are the test part; which they
    are stands in the file .split.npz beside the network. The training goes on until the validation score has not
    become better for --patience epochs; where --epochs end it before, the answer says that it may still improve.
    """

    name = "arrays"
    source: Path = field(
        metadata=option(
            "Sequences: (sequences, T, inputs), or (sequences, T) for one input.", metavar="X.npy", flag="input"
        )
    )
    target: Path = field(
        metadata=option(
            "Integers (sequences,) are classes; numbers (sequences,), (sequences, outputs) or (sequences, T, outputs).",
            metavar="Y.npy",
        )
    )
    order: int = field(default=16, metadata=option("Number of states d.", section="Memory"))
    theta: float | None = field(
        default=None,
        metadata=option("Window θ; the whole sequence by default.", section="Memory", metavar="SECONDS", unit="s"),
    )
    dt: float = field(
        default=1.0, metadata=option("Time between samples.", section="Memory", metavar="SECONDS", unit="s")
    )
    discretization: Method = field(default=Method("zoh"), metadata=option(_METHOD_HELP, section="Memory"))
    memory: Memory = field(default="linear", metadata=option(_MEMORY_HELP, section="Memory"))
    hidden: int = field(default=64, metadata=option("Number of hidden units behind the memory.", section="Memory"))
    learning_rate: float = field(
        default=3e-3, metadata=option("Largest learning rate of Adam.", section="Training", metavar="RATE")
    )
    batch: int | None = field(
        default=None,
        metadata=option(
            "Number of sequences in a step; 32 by default, or an eighth of the training part if that is less.",
            section="Training",
            metavar="N",
        ),
    )
    schedule: Schedule = field(
        default="constant",
        metadata=option(
            "Learning rate: constant with averaged weights, or down to 0 over --epochs by a cosine or a line.",
            section="Training",
        ),
    )
    patience: int | None = field(
        default=None,
        metadata=option(
            "Epochs without a better validation score after which the training stops, 0 for never; by default as many "
            "as have 500 steps, at least 20, with a constant rate, and never with another schedule.",
            section="Training",
            metavar="N",
        ),
    )


#: The tasks by name, in the order of the listing.
TASKS: Mapping[str, type[Task]] = MappingProxyType(
    {task.name: task for task in (Capacity, MackeyGlass, Psmnist, Digits, Delay, Arrays)}
)
