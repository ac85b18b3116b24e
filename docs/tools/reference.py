"""Pages of the reference, written from the code: commands, Python names, JSON schemas, errors.

Every function returns the Markdown of pages by path below `reference/`. Nothing here states a fact of its own: options
come from the commands, names from the packages' lists of public names, keys from the schemas, and messages from the
table of the tests.
"""

from __future__ import annotations

import dataclasses
import enum
import importlib
import inspect
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from lmu_hw.cli.commands import cli
from lmu_hw.cli.parameters import SectionedCommand
from lmu_hw.cli.programs import ProgramGroup
from lmu_hw.io.schema import VERSIONS, load_schema

TOP = Path(__file__).resolve().parents[2]
#: Packages whose `__all__` is public, with what each is for.
PACKAGES: Mapping[str, str] = {
    "lmu_hw": "specification, plan, integer model, networks",
    "lmu_hw.rtl": "Verilog",
    "lmu_hw.analog": "circuits",
    "lmu_hw.sim": "simulation and co-simulation",
    "lmu_hw.spiking": "spiking neurons",
    "lmu_hw.training": "training",
}
_SECTIONS = {
    "Args": "Arguments",
    "Attributes": "Attributes",
    "Returns": "Returns",
    "Yields": "Yields",
    "Raises": "Raises",
}
_SECTION = re.compile(rf"^({'|'.join(_SECTIONS)}):$")
_ENTRY = re.compile(r"^(\*{0,2}[\w., ]+?)(?: \([^)]*\))?:(?: (.*))?$")


# --- commands


def command_pages() -> dict[str, str]:
    """A page for each subcommand, and the list of them."""
    context = click.Context(cli, info_name="lmu-hw")
    pages, rows = {}, []
    for name, command in cli.commands.items():
        rows.append(f"| [`lmu-hw {name}`](commands/{name}.md) | {_plain(command.get_short_help_str(200))} |")
        pages[f"commands/{name}.md"] = "\n".join([f"# `lmu-hw {name}`", "", *_command(command, context, name, 2), ""])
    listing = [
        "# Commands",
        "",
        "Written from the commands themselves; `lmu-hw SUBCOMMAND --help` tells the same. [The command line]"
        "(../command-line.md) explains numbers, units, design files and answers.",
        "",
        "| command | what it does |",
        "|---|---|",
        *rows,
        "",
        "```{toctree}",
        ":hidden:",
        *(f"commands/{name}" for name in cli.commands),
        "```",
        "",
    ]
    return {"commands.md": "\n".join(listing), **pages}


def _command(command: click.Command, parent: click.Context, name: str, level: int) -> Iterator[str]:
    """The description, the options and the subcommands of a command."""
    context = click.Context(command, info_name=name, parent=parent)
    arguments = [each.make_metavar(context) for each in command.params if isinstance(each, click.Argument)]
    inner = ["COMMAND"] if isinstance(command, click.Group) else []
    yield from ["```text", " ".join([context.command_path, *arguments, *inner, "[OPTIONS]"]), "```", ""]
    yield from (_prose(paragraph) for paragraph in inspect.cleandoc(command.help or "").split("\n\n"))
    if isinstance(command, SectionedCommand):
        examples = command.examples(context)
        yield from ["", "Examples:", "", "```sh", *examples, "```", ""]
    sections: dict[str, list[tuple[str, str]]] = {}
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            sections.setdefault(getattr(parameter, "section", "Options"), []).append(record)
    for title, records in sections.items():
        yield from ["", f"{'#' * level} {title}", "", "| option | meaning |", "|---|---|"]
        yield from (f"| `{_cell(flags)}` | {_cell(_prose(text))} |" for flags, text in records)
    if isinstance(command, ProgramGroup):
        for topic, programs in command.programs.items():
            yield from ["", f"{'#' * level} {topic}"]
            for program in programs:
                yield from ["", f"{'#' * (level + 1)} `{name} {program.name}`", ""]
                yield from [f"Takes {program.terms}.", ""]
                yield from _command(program.command(), context, program.name, level + 2)
    elif isinstance(command, click.Group):
        for key, each in command.commands.items():
            yield from ["", f"{'#' * level} `{name} {key}`", ""]
            yield from _command(each, context, key, level + 1)


# --- Python


def python_pages() -> dict[str, str]:
    """A page for each public package, and the list of them."""
    listing = [
        "# Python",
        "",
        "Written from the docstrings. [What stays](../api-stability.md) says what keeps from version to version.",
        "",
        "| package | what it is for |",
        "|---|---|",
        *(f"| [`{name}`](python/{name}.md) | {what} |" for name, what in PACKAGES.items()),
        "",
        "```{toctree}",
        ":hidden:",
        *(f"python/{name}" for name in PACKAGES),
        "```",
        "",
    ]
    pages = {"python.md": "\n".join(listing)}
    for name in PACKAGES:
        module = importlib.import_module(name)
        parts = [f"# `{name}`", "", f"```{{py:module}} {name}\n```", "", *_doc(module), ""]
        public = [each for each in module.__all__ if not inspect.ismodule(getattr(module, each))]
        for each in sorted(public, key=lambda key: (key[0].islower(), key)):
            parts += [f"## {each}", "", *_object(getattr(module, each), name, each), ""]
        pages[f"python/{name}.md"] = "\n".join(parts)
    return pages


def _object(value: Any, package: str, name: str) -> Iterator[str]:
    """The directive of a public name, with those of its members inside."""
    if not inspect.isclass(value):
        if callable(value):
            yield from ["````{py:function} " + name + _signature(value), *_doc(value), "````"]
        else:
            yield from ["````{py:data} " + name, f":type: {type(value).__name__}", "", _comment(package, name), "````"]
        return
    exception = issubclass(value, BaseException)
    kind = "exception" if exception else "class"
    # An exception is raised by the package and an enumeration called by nobody: neither shows a signature.
    own = "" if exception or issubclass(value, enum.Enum) else _signature(value)
    yield from ["`````{py:" + kind + "} " + name + own, *_doc(value)]
    if issubclass(value, enum.Enum):
        yield from ["", "Members: " + ", ".join(f"`{member.value}`" for member in value) + "."]
    for part, member, role in _members(value):
        arguments = "" if role in ("property", "attribute") else _signature(member, skip_first=role == "method")
        static = [":classmethod:"] if role == "classmethod" else [":staticmethod:"] if role == "staticmethod" else []
        shown = "property" if role in ("property", "attribute") else "method"
        yield from ["", "````{py:" + shown + "} " + part + arguments, *static, "", *_doc(member), "````"]
    yield "`````"


def _members(owner: type) -> Iterator[tuple[str, Any, str]]:
    """Public methods and properties that this project's classes give a public class, in alphabetical order."""
    fields = {each.name for each in dataclasses.fields(owner)} if dataclasses.is_dataclass(owner) else set()
    for name in sorted(dir(owner)):
        if name.startswith("_") or name in fields:
            continue
        home = next((base for base in owner.__mro__ if name in vars(base)), None)
        if home is None or not home.__module__.startswith("lmu_hw"):
            continue
        raw = vars(home)[name]
        if isinstance(raw, property):
            found, role = raw, "property"
        elif isinstance(raw, classmethod):
            found, role = raw.__func__, "classmethod"
        elif isinstance(raw, staticmethod):
            found, role = raw.__func__, "staticmethod"
        elif inspect.isfunction(raw):
            found, role = raw, "method"
        elif hasattr(raw, "func") and (raw.func.__doc__ or "").strip():  # cached_property
            found, role = raw.func, "attribute"
        else:
            continue
        if (inspect.getdoc(found) or "").strip():
            if role == "classmethod":
                yield name, _without_first(found), role
            else:
                yield name, found, role


def _without_first(function: Any) -> Any:
    """A function as its caller sees it, without the class that Python hands over."""
    signature = inspect.signature(function)

    def shown() -> None: ...

    shown.__doc__ = function.__doc__
    vars(shown)["__signature__"] = signature.replace(parameters=list(signature.parameters.values())[1:])
    return shown


def _signature(value: Any, *, skip_first: bool = False) -> str:
    """The parameters as Python writes them, with annotations and defaults."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):
        return "()"
    parameters = list(signature.parameters.values())[1 if skip_first else 0 :]
    texts, keyword = [], False
    for each in parameters:
        if each.kind is each.KEYWORD_ONLY and not keyword:
            keyword = True
            if not any(other.kind is each.VAR_POSITIONAL for other in parameters):
                texts.append("*")
        star = {each.VAR_POSITIONAL: "*", each.VAR_KEYWORD: "**"}.get(each.kind, "")
        text = f"{star}{each.name}"
        annotated = each.annotation is not each.empty
        if annotated:
            text += f": {_annotation(each.annotation)}"
        if each.default is not each.empty:
            text += f"{' = ' if annotated else '='}{_default(each.default)}"
        texts.append(text)
    returned = signature.return_annotation
    arrow = "" if returned is signature.empty or inspect.isclass(value) else f" -> {_annotation(returned)}"
    return f"({', '.join(texts)}){arrow}"


def _annotation(value: Any) -> str:
    text = value if isinstance(value, str) else inspect.formatannotation(value)
    return re.sub(r"\b(?:lmu_hw|collections\.abc|pathlib|numpy|typing)(?:\.\w+)*\.(?=\w)", "", text)


def _default(value: Any) -> str:
    if isinstance(value, enum.Enum):
        return f"{type(value).__name__}.{value.name}"
    text = repr(value)
    return text if re.fullmatch(r"[\w.'\"()+\-, ]+", text) and len(text) < 60 else "..."


def _comment(package: str, name: str) -> str:
    """The comment above a public value, such as a metric."""
    value = getattr(importlib.import_module(package), name)
    for module in {importlib.import_module(type(value).__module__), importlib.import_module(package)}:
        source = Path(module.__file__ or "").read_text(encoding="utf-8")
        if match := re.search(rf"((?:^#: .*\n)+)^{name}\b", source, re.MULTILINE):
            return _prose(" ".join(line.removeprefix("#: ") for line in match[1].splitlines()))
    return _prose(repr(value)) if "<" not in repr(value) else ""


def _doc(value: Any) -> list[str]:
    """A docstring in Google's style as Markdown; its formulas in indented blocks stay as they are."""
    lines = (inspect.getdoc(value) or "").splitlines()
    written, section, entries = [""], None, list[str]()

    def flush() -> None:
        if section:
            written.extend(["", f"**{_SECTIONS[section]}**", "", *_entries(entries, section), ""])
            entries.clear()

    fenced = False
    for line in lines:
        if line.startswith("```"):
            fenced = not fenced
            written.append(line)
        elif fenced:
            written.append(line)
        elif match := _SECTION.match(line):
            flush()
            section = match[1]
        elif section and (not line or line.startswith("    ")):
            entries.append(line[4:])
        else:
            flush()
            section = None
            written.append(line if line.startswith("    ") else _prose(line))
    flush()
    return written


def _entries(lines: Sequence[str], section: str) -> Iterator[str]:
    """The entries of a section as a list; `Returns` and the like without entries as they are."""
    if section in ("Returns", "Yields"):
        yield from (_prose(line) for line in lines)
        return
    for line in lines:
        match = _ENTRY.match(line) if line and not line.startswith(" ") else None
        if match:
            yield f"- `{match[1]}`: {_prose(match[2] or '')}"
        else:
            yield f"  {_prose(line.strip())}" if line.strip() else ""


# --- schemas


def schema_pages() -> dict[str, str]:
    """One page with every JSON schema: its keys, their types and meanings."""
    parts = [
        "# JSON schemas",
        "",
        "Written from the schemas in the package, which `lmu_hw.io.schema.load_schema` returns. Every JSON file names",
        "its schema under the key `schema`. [Files](../files.md) says which subcommand leaves which file.",
        "",
    ]
    for name, version in VERSIONS.items():
        schema = load_schema(name)
        parts += [f"## `lmu-hw/{name}/{version}`", "", _prose(schema["title"]), ""]
        parts += ["| key | type | meaning |", "|---|---|---|", *_keys(schema, ""), ""]
    return {"schemas.md": "\n".join(parts)}


def _keys(schema: Mapping[str, Any], prefix: str) -> Iterator[str]:
    required = set(schema.get("required", ()))
    for key, value in schema.get("properties", {}).items():
        kind = value.get("type", "const" if "const" in value else "any")
        shown = " or ".join(kind) if isinstance(kind, list) else kind
        if kind == "array" and "type" in value.get("items", {}):
            inner = value["items"]["type"]
            shown = f"array of {' or '.join(inner) if isinstance(inner, list) else inner}"
        optional = "" if key in required else " (optional)"
        meaning = value.get("description") or (f"`{value['const']}`" if "const" in value else "")
        yield f"| `{prefix}{key}` | {shown}{optional} | {_cell(_prose(meaning))} |"
        yield from _keys(value, f"{prefix}{key}.")
        if isinstance(value.get("items"), dict):
            yield from _keys(value["items"], f"{prefix}{key}[].")


# --- errors


def error_pages() -> dict[str, str]:
    """Every wrong request of the tests' table with the line that answers it, by subcommand."""
    text = (TOP / "tests" / "cli" / "messages.txt").read_text(encoding="utf-8")
    _, *calls = re.split(r"(?m)^\$ ", text)
    by_command: dict[str, list[str]] = {}
    for call in calls:
        line, *answers = call.rstrip().splitlines()
        shown = [f"$ lmu-hw {line}", *(f"lmu-hw: {answer.strip()}" for answer in answers if answer.strip())]
        words = line.split()
        command = words[0] if words and words[0] in cli.commands else "other"
        by_command.setdefault(command, []).append("\n".join(shown))
    parts = [
        "# Errors",
        "",
        "A request that cannot be carried out is answered by one line on standard error, and exit status 2: what is",
        "wrong, the constraint, what it got, and where there is a way out, a hint after a semicolon. No file is",
        "written. A check that fails ends with exit status 1.",
        "",
        "These are the lines of the tests' table. `@` stands for `--order 6 --theta 1 --dt 0.001`, `…` for any",
        "ending. In Python the same texts are those of `lmu_hw.DesignError`, with names of arguments for flags.",
        "",
    ]
    for command, blocks in by_command.items():
        title = f"`lmu-hw {command}`" if command != "other" else "The command itself"
        parts += [f"## {title}", "", "```text", *blocks, "```", ""]
    return {"errors.md": "\n".join(parts)}


# --- Markdown


def _prose(text: str) -> str:
    """Text in which only what stands between backticks is code: no HTML, no formulas, no emphasis by chance."""
    pieces = re.split(r"(`[^`\n]*`)", text.replace("\b", ""))
    return "".join(
        piece if piece.startswith("`") else re.sub(r"(--)(?=[a-z])", r"\\-\\-", re.sub(r"([<$*_\[\]])", r"\\\1", piece))
        for piece in pieces
    )


def _plain(text: str) -> str:
    return _cell(_prose(text))


def _cell(text: str) -> str:
    """Text for a cell of a table."""
    return " ".join(text.replace("|", "\\|").split())


def pages() -> dict[str, str]:
    """All pages of the reference by path below `reference/`."""
    return {**command_pages(), **python_pages(), **schema_pages(), **error_pages()}
