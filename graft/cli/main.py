"""The `graft` command from its first moment: `graft up` can be told to stop before anything slow is imported."""

from __future__ import annotations

import sys

from graft.cli.arguments import command_of


def main() -> None:
    """Run the command; the entry point of the package."""
    if command_of(sys.argv[1:]) == "up":
        # Loading what supervises takes half a second. A signal meanwhile ends the command as it does later: with 0.
        from graft.serving.lifecycle import exit_cleanly_until_ready

        exit_cleanly_until_ready()
    from graft.cli.app import app

    app(prog_name="graft")


if __name__ == "__main__":
    main()
