"""`lmu-hw completion`: completion of subcommands, options and their words in bash, zsh and fish."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from lmu_hw.errors import RequestError
from lmu_hw.io.files import write_text

SHELLS = ("bash", "zsh", "fish")
_MARK = "# completion of lmu-hw"
_ZSH = "(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }"


def _networks() -> Iterable[str]:
    from lmu_hw.networks.pretrained import NETWORKS

    return NETWORKS


def _devices() -> Iterable[str]:
    from lmu_hw.fpga.devices import DEVICES

    return DEVICES


def _opamps() -> Iterable[str]:
    from lmu_hw.analog.amplifiers.library import opamps

    return ("macro", "single-pole", "ideal", "auto", *opamps())


def _swept() -> Iterable[str]:
    from lmu_hw.cli.word_lengths import WORDS

    return WORDS


#: The words that a shell offers for options whose kind has none, by the name of the option; loaded when asked for.
_OFFERED: Mapping[str, Callable[[], Iterable[str]]] = {
    "network": _networks,
    "device": _devices,
    "opamp": _opamps,
    "swept": _swept,
}


def offered(name: str) -> Callable[[click.Context, click.Parameter, str], list[CompletionItem]] | None:
    """The completion of an option for click; None where its kind knows its words, or there are none.

    Args:
        name: The name of the option's field.
    """
    if name not in _OFFERED:
        return None

    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        before, comma, last = incomplete.rpartition(",")  # a list is completed word by word
        words = [CompletionItem(before + comma + each) for each in _OFFERED[name]() if each.startswith(last)]
        return [*words, CompletionItem(incomplete, type="file")] if name == "network" else words

    return complete


def run(shell: str | None, printed: bool, cli: click.Group) -> None:
    """Print or install the script; see `lmu_hw.cli.commands.completion`."""
    name = shell or _login_shell()
    text = script(name, cli)
    if printed:
        click.echo(text)
        return
    try:
        path, start = install(name, text)
    except OSError as problem:
        raise RequestError(f"cannot write {problem.filename}: {problem.strerror}") from None
    read = "" if start is None else f", which {start} reads"
    click.echo(f"completion for {name} is in {path}{read}; it takes effect in the next shell")


def script(shell: str, cli: click.Group) -> str:
    """The completion script of a shell."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    if made is None:
        raise RequestError(f"there is no completion for {shell}", hint=f"there is for {', '.join(SHELLS)}")
    # click's own `source` of bash asks the installed bash for its version, which this does not need.
    completion = made(cli, {}, "lmu-hw", "_LMU_HW_COMPLETE")
    text = completion.source_template % completion.source_vars()
    # Without its own completion switched on, zsh does not know the command that the script ends with.
    return f"{_ZSH}\n{text}" if shell == "zsh" else text


def install(shell: str, text: str) -> tuple[Path, Path | None]:
    """Write the script, and a line that reads it where the shell does not find it by itself.

    Returns:
        The file of the script, and the file of the line; None for fish, which needs none.
    """
    home = Path.home()
    if shell == "fish":
        config = Path(os.environ.get("XDG_CONFIG_HOME") or home / ".config")
        return write_text(config / "fish" / "completions" / "lmu-hw.fish", text), None
    data = Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share")
    path = write_text(data / "lmu-hw" / f"completion.{shell}", text)
    start = home / ".bashrc" if shell == "bash" else Path(os.environ.get("ZDOTDIR") or home) / ".zshrc"
    before = start.read_text(encoding="utf-8") if start.exists() else ""
    if _MARK not in before:
        line = f'[ -r "{path}" ] && . "{path}"  {_MARK}\n'
        with start.open("a", encoding="utf-8") as file:
            file.write(line if not before or before.endswith("\n") else f"\n{line}")
    return path, start


def _login_shell() -> str:
    name = Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        told = f"$SHELL is {name}" if name else "$SHELL is not set"
        raise RequestError(f"{told}, for which there is no completion", hint=f"name one of {', '.join(SHELLS)}")
    return name
