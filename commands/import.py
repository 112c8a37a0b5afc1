"""`steelyard import`. Its parts are in `commands/importing/`, because a package called `import` cannot be imported from."""  # noqa: N999

from commands.importing.command import command

__all__ = ["command"]
