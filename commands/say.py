"""What the command line tells the person who started it."""

from __future__ import annotations

import sys
from typing import NoReturn

from runtime.errors import ConfigError


def say(line: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


_HEAD, _TAIL = 300, 200


def fail(error: Exception) -> NoReturn:
    """Say what is wrong and leave: exit code 2 for a wrong configuration, 1 for all else."""
    wrong = isinstance(error, ConfigError)
    if isinstance(error, ConfigError):
        count = len(error.problems)
        sys.stderr.write(f"The configuration has {count} mistake{'s' if count > 1 else ''}:\n")
        sys.stderr.write("".join(f"  {_legible(problem)}\n" for problem in error.problems))
    else:
        sys.stderr.write(f"{error}\n")
    sys.exit(2 if wrong else 1)


def _legible(problem: str) -> str:
    """The place, which stands first, and the fix, which stands last; not a value of a thousand letters."""
    if len(problem) <= _HEAD + _TAIL:
        return problem
    return f"{problem[:_HEAD]} … {problem[-_TAIL:]}"
