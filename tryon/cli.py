"""The command line: parse, call, show. The commands are in `tryon.commands`."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from typer.exceptions import TyperException

from tryon import __version__
from tryon.commands import batch, garment, lora, weights
from tryon.commands.demo import demo
from tryon.commands.doctor import doctor
from tryon.commands.dress import EXAMPLES, dress
from tryon.commands.evaluate import EXAMPLES as EVALUATE_EXAMPLES, evaluate
from tryon.errors import Cancelled, OptionError, TryOnError

app = typer.Typer(
    name="tryon",
    help="Dress a person photo in a garment, keeping the person and keeping the garment.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(lora.app, name="lora")
app.add_typer(weights.app, name="weights")
app.add_typer(garment.app, name="garment")
app.add_typer(batch.app, name="batch")
app.command(epilog=EXAMPLES)(dress)
app.command(epilog=EVALUATE_EXAMPLES)(evaluate)
app.command()(demo)
app.command()(doctor)


def _version(show: bool) -> None:
    if show:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def root(
    context: typer.Context,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log what happens.")] = False,
    traceback: Annotated[
        bool, typer.Option("--traceback", help="Show where an error came from.")
    ] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Dress a person photo in a garment, keeping the person and keeping the garment."""
    context.obj = {"traceback": traceback}
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="tryon: %(message)s",
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    0: done. 1: bad usage or input. 3: a batch with failed rows. 130: interrupted.
    """
    sys.exit(run(sys.argv[1:] if arguments is None else list(arguments)))


def run(arguments: list[str]) -> int:
    """Run the command line and return its exit code. Errors are one line on standard error."""
    try:
        code = int(app(arguments, prog_name="tryon", standalone_mode=False) or 0)
    except TyperException as error:
        where = getattr(error, "ctx", None)
        path = where.command_path if where else "tryon"
        message = error.format_message() if hasattr(error, "format_message") else str(error)
        return _failed(OptionError(message, remedy=f"Try: {path} --help"), arguments)
    except typer.Abort:
        code = Cancelled.exit_code
    except TryOnError as error:
        return _failed(error, arguments)
    # An interrupt ends in this code, without a word.
    return _failed(Cancelled("interrupted"), arguments) if code == Cancelled.exit_code else code


def _failed(error: TryOnError, arguments: list[str]) -> int:
    if "--traceback" in arguments:
        import traceback

        traceback.print_exc()
    else:
        typer.echo(f"tryon: {error}", err=True)
    return error.exit_code
