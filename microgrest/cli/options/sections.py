"""A command whose help shows its options in sections."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

Sections = dict[str, list[click.Parameter]]


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
