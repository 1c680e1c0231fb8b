"""Settings as options of a command: names, defaults, ranges and help come from `Settings`."""

import inspect
from collections.abc import Callable
from dataclasses import Field, fields
from typing import Annotated, Any, get_type_hints

import typer
from typer.core import TyperCommand

from maskwatch.app.settings import GROUPS, Settings


class GroupedHelp(TyperCommand):
    """A command whose help shows its options under the headings of their groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the options, group by group."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                is_argument = parameter.param_type_name == "argument"
                panel = getattr(parameter, "rich_help_panel", None)
                group = "Arguments" if is_argument else panel or "Options"
                groups.setdefault(group, []).append(record)
        for name in sorted(groups, key=["Arguments", *GROUPS, "Training", "Options"].index):
            with formatter.section(name):
                formatter.write_dl(groups[name])


Command = Callable[..., None]


def with_settings(*used: str) -> Callable[[Command], Command]:
    """Give a command settings as options, all or those named; it receives them as `settings`.

    The command's own parameters must all come before `settings`, which is the last.
    """
    chosen = [field for field in fields(Settings) if not used or field.name in used]
    if unknown := set(used) - {field.name for field in chosen}:
        raise ValueError(f"no such settings: {unknown}")

    def decorate(command: Command) -> Command:
        hints = get_type_hints(Settings)
        own = list(inspect.signature(command).parameters.values())[:-1]
        added = [_parameter(field, hints[field.name]) for field in chosen]

        def wrapper(**values: Any) -> None:
            settings = Settings(**{field.name: values.pop(field.name) for field in chosen})
            command(**values, settings=settings)

        wrapper.__doc__ = command.__doc__
        wrapper.__name__ = command.__name__
        wrapper.__signature__ = inspect.Signature([*own, *added])  # type: ignore[attr-defined]
        wrapper.__annotations__ = {p.name: p.annotation for p in [*own, *added]}
        return wrapper

    return decorate


def _parameter(field: Field[Any], annotation: Any) -> inspect.Parameter:
    option = typer.Option(
        *_flags(field, annotation is bool),
        help=field.metadata["help"],
        rich_help_panel=field.metadata["group"],
        min=field.metadata["least"],
        max=field.metadata["most"],
        show_default=field.default not in (None, False),
    )
    return inspect.Parameter(
        field.name,
        inspect.Parameter.KEYWORD_ONLY,
        default=field.default,
        annotation=Annotated[annotation, option],
    )


def _flags(field: Field[Any], is_switch: bool) -> tuple[str, ...]:
    if field.metadata["flags"]:
        return tuple(field.metadata["flags"])
    return (f"--{field.name.replace('_', '-')}",) if is_switch else ()
