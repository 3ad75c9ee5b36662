"""What every verb of the command line has: help that is shown whole, the nearest name for a slip, and defaults from the workspace's `bench.toml`."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand, TyperGroup
from typing_extensions import override

from bench.errors import did_you_mean

CHOOSING = ("run", "plan", "make", "probe", "leaderboard", "check")
"""The verbs that take the default suite; for the others `--suite` narrows a search."""


class Verb(TyperCommand):
    """One verb."""

    @override
    def get_short_help_str(self, limit: int = 45) -> str:
        """Its first sentence, in the list of all verbs."""
        return super().get_short_help_str(limit=1000)

    @override
    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """The examples, one a line and none rewrapped."""
        if self.epilog:
            formatter.write("\n" + "".join(f"  {line}".rstrip() + "\n" for line in self.epilog.replace("\n\n  bench", "\n  bench").splitlines()))

    @override
    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Read the options; what the command line leaves out is what `bench.toml` says."""
        try:
            given, _, _ = self.make_parser(ctx).parse_args(args=list(args))
            if any(param.name == "workspace" for param in self.params) and not given.get("help") and not ctx.resilient_parsing:
                ctx.default_map = {**self._defaults(given.get("workspace")), **(ctx.default_map or {})}
            return super().parse_args(ctx, args)
        except Exception as error:  # the class for an unknown option is not part of typer's interface, and has moved
            if hasattr(error, "possibilities") and hasattr(error, "option_name"):
                known = [name for param in self.get_params(ctx) for name in param.opts if name.startswith("--")]
                error.possibilities, error.message = None, f"No such option: {error.option_name}{did_you_mean(str(error.option_name), known)}"  # type: ignore[attr-defined]
            raise

    def _defaults(self, workspace: str | None) -> dict[str, Any]:
        """What the workspace's `bench.toml` says of this verb's options."""
        from pathlib import Path

        from bench.cards.defaults import read_defaults
        from bench.cards.workspace import find_workspace

        found = read_defaults(find_workspace(None if workspace is None else Path(workspace)))
        return {key.replace("-", "_"): value for key, value in found.items() if key != "suite" or self.name in CHOOSING}


class Verbs(TyperGroup):
    """All verbs, or those of one of them."""

    @override
    def get_short_help_str(self, limit: int = 45) -> str:
        """Its first sentence, in the list of all verbs."""
        return super().get_short_help_str(limit=1000)

    @override
    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """The verb that the command line names; the nearest one for a slip."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None and not ctx.resilient_parsing:
            ctx.fail(f"No such command {name!r}{did_you_mean(name, self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)
