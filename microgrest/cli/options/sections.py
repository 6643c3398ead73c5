"""Options whose defaults are those of a class, and a command whose help has them in sections."""

from __future__ import annotations

import math
from typing import Any

import click
from click.core import ParameterSource

Sections = dict[str, list[click.Parameter]]


def option(of: type, name: str, help: str, **how: Any) -> click.Parameter:
    """An option whose default, which the help shows, is that of the field of its name in `of`."""
    field = name.partition("/")[0].removeprefix("--").replace("-", "_")
    default = getattr(of, field, None)
    if default is not None and default is not False:
        how |= {"default": default, "show_default": True}
    return click.Option([name], help=help, **how)


def flag(name: str, help: str) -> click.Parameter:
    """An option without a value."""
    return click.Option([name], is_flag=True, help=help)


def perhaps(name: str, metavar: str, without: str, help: str, **how: Any) -> click.Parameter:
    """An option that stands for `without` where it has no value."""
    return click.Option(
        [name], metavar=f"[{metavar}]", is_flag=False, flag_value=without, help=help, **how
    )


def positive(context: click.Context, option: click.Parameter, value: float | None) -> float | None:
    """A callback that refuses what is no positive, finite number."""
    if value is not None and not (value > 0 and math.isfinite(value)):
        raise click.BadParameter(f"{value} is not a positive, finite number", context, option)
    return value


class Sectioned(click.Command):
    """A command with `sections`, lists of options under their headings."""

    def __init__(self, *args: Any, sections: Sections, **options: Any) -> None:
        options["params"] = [option for section in sections.values() for option in section]
        super().__init__(*args, **options)
        self.sections = sections

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write them, section by section, and what every command has at the end."""
        known = {id(option) for section in self.sections.values() for option in section}
        others = [option for option in self.get_params(ctx) if id(option) not in known]
        for title, section in (*self.sections.items(), ("Other", others)):
            records = [option.get_help_record(ctx) for option in section]
            with formatter.section(title):
                formatter.write_dl([record for record in records if record is not None])


def given(context: click.Context, options: list[click.Parameter]) -> list[str]:
    """The names, with dashes, of those of `options` that stand on the command line."""
    return [
        option.opts[0]
        for option in options
        if option.name and context.get_parameter_source(option.name) is ParameterSource.COMMANDLINE
    ]
