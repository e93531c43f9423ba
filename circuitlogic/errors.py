"""The errors a user can cause, each with the exit code the command line gives it.

A message is one line: what was given, what is allowed, what to do. Library callers catch `CircuitLogicError`.
130 and 141 are what a shell reports of a program that Ctrl-C or a closed pipe has ended.
"""

from collections.abc import Iterable
from difflib import get_close_matches

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_CHECK_FAILED = 3
EXIT_MISSING_DEPENDENCY = 4
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_HUNG_UP = 141


class CircuitLogicError(Exception):
    """Anything that went wrong for a reason a user can understand and mend."""

    exit_code: int = EXIT_FAILURE


class ConfigError(CircuitLogicError):
    """A setting, flag or config file that makes no sense."""

    exit_code = EXIT_USAGE


class DataError(CircuitLogicError):
    """Input data that is missing, truncated, corrupt, of the wrong shape, or not finite."""


class StudyError(CircuitLogicError):
    """A study folder that is missing, incomplete, damaged, or of another schema version."""


class UnknownNameError(CircuitLogicError):
    """A site, feature, architecture, gate kind ... that does not exist; suggests near names."""


class NothingLeftError(CircuitLogicError):
    """A threshold or filter that leaves nothing to make; a listing that is left empty is an answer, no error."""


class CheckFailedError(CircuitLogicError):
    """A check the user asked for (`--min-fidelity`) did not pass."""

    exit_code = EXIT_CHECK_FAILED


class MissingDependencyError(CircuitLogicError):
    """An optional dependency is needed; the message names the extra that brings it."""

    exit_code = EXIT_MISSING_DEPENDENCY


def unknown_name(
    what: str, given: str, known: Iterable[str], limit: int = 4, most: int = 12
) -> UnknownNameError:
    """The error for a name that is not among `known`: near names first, else all of up to `most`, or a few."""
    names = sorted(set(known))
    near = get_close_matches(given, names, n=limit, cutoff=0.5)
    if near:
        hint = f"did you mean {', '.join(near)}?"
    elif names:
        told = names if len(names) <= most else names[:limit]
        more = f" and {len(names) - limit} more" if len(names) > most else ""
        hint = f"known: {', '.join(told)}{more}"
    else:
        hint = "there are none"
    return UnknownNameError(f"unknown {what} {given!r}: {hint}")


def reason_of(error: Exception, most: int = 300) -> str:
    """What a library says of its failure, as one line."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else f"{text[: most - 3]}..."
