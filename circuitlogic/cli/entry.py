"""Owns the way in and out of the command line: exit codes, and one clear line for everything a user can mend."""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from circuitlogic.cli.console import Streams, talk
from circuitlogic.errors import (
    EXIT_BUG,
    EXIT_FAILURE,
    EXIT_HUNG_UP,
    EXIT_INTERRUPTED,
    EXIT_OK,
    CircuitLogicError,
)

_INTERRUPTED = "interrupted: finished stages are kept, the same command resumes the study where it stopped"
_BUG = (
    "this is a bug in circuitlogic: please report it with the lines above and what `circuitlogic doctor` says"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; `arguments` None takes those of the process."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    try:
        code = _outcome(given, Streams(color="--no-color" not in given))
        sys.stdout.flush()
    except BrokenPipeError:
        return _hung_up()
    except SystemExit as left:
        # Typer and rich make one of a broken pipe that they meet
        if isinstance(left.__context__, BrokenPipeError):
            return _hung_up()
        return left.code if isinstance(left.code, int) else EXIT_FAILURE
    return code


def _outcome(arguments: list[str], streams: Streams) -> int:
    """Exit code of the command; what went wrong is said on stderr."""
    try:
        return _finished(_run(arguments), streams)
    except CircuitLogicError as error:
        return _refuse(streams, str(error), error.exit_code)
    except typer.TyperException as error:
        return _refuse_usage(streams, error)
    except BrokenPipeError:
        raise
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _refuse(streams, f"{where}{error.strerror or error}", EXIT_FAILURE)
    except KeyboardInterrupt:
        return _finished(EXIT_INTERRUPTED, streams)
    except Exception:  # noqa: BLE001  # the one place that turns a bug into an exit code
        traceback.print_exc()
        return _refuse(streams, _BUG, EXIT_BUG)


def _run(arguments: list[str]) -> int:
    from circuitlogic.cli.app import build_app

    command = typer.main.get_command(build_app(plain_help=not sys.stdout.isatty()))
    code = command.main(arguments, prog_name="circuitlogic", standalone_mode=False)
    return code if isinstance(code, int) else EXIT_OK


def _finished(code: int, streams: Streams) -> int:
    if code == EXIT_INTERRUPTED:
        talk(streams.stderr(), _INTERRUPTED)
    return code


def _refuse(streams: Streams, message: str, code: int) -> int:
    talk(streams.stderr(), message, lead="error: ")
    return code


def _refuse_usage(streams: Streams, error: typer.TyperException) -> int:
    """One line; a bare group of commands gets its help."""
    context = getattr(error, "ctx", None)
    message = error.format_message().strip().replace(": Value error, ", ": ")
    if type(error).__name__ == "NoArgsIsHelpError":
        if message:
            sys.stderr.write(message + "\n")
        return error.exit_code
    hint = "" if context is None else f" (see `{context.command_path} --help`)"
    return _refuse(streams, f"{message.rstrip('.')}{hint}", error.exit_code)


def _hung_up() -> int:
    """The reader is gone: nothing more to say to anyone, not even what Python would say when it closes streams."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(nowhere, stream.fileno())
    return EXIT_HUNG_UP
