"""The `main` of the command line: parses arguments, prints errors as one line, returns the exit status."""

import argparse
import errno
import io
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

from slanted.cli.parsers import parser
from slanted.common.messages import file_name, option_of
from slanted.errors import InputError, SettingError, SlantedError, printable
from slanted.runtime import keras_startup
from slanted.runtime.deferred_signals import repeated_signals

EXIT_INTERRUPTED, EXIT_TERMINATED = 130, 143
EXIT_UNREAD = 141  # the status of a process that SIGPIPE ends: the reader of standard output has closed it
PATH_ERRORS = {  # raised by any call that takes a path, and so handled here
    errno.ENAMETOOLONG: "this path, or a name in it, is too long; give a shorter one",
    errno.ELOOP: "a link in this path leads back to itself; give another path",
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG), "cannot be written, as the disk is full; free space"),
}
DISK_ERRORS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)


class Terminated(BaseException):
    """SIGTERM arrived."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, 2, 3, 130, 141 or 143."""
    options = None
    keras_startup.command_alone = arguments is None
    for stream in (sys.stdout, sys.stderr):
        if arguments is None and isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with _terminable(), repeated_signals():
            options = parser().parse_args(arguments)
            options.run(options)
        unwritten = _flush()
        if unwritten and not hasattr(options, "what_survives"):
            raise unwritten
        if unwritten:
            print(f"note: standard output cannot be written ({unwritten.strerror}); see --out", file=sys.stderr)
    except SlantedError as error:
        _flush()
        command = "slanted" if options is None else options.command
        print(f"error: {_worded(error, command)}", file=sys.stderr)
        return error.exit_status
    except KeyboardInterrupt:
        print(f"error: interrupted; {_kept(options)}", file=sys.stderr)
        return EXIT_INTERRUPTED
    except Terminated:
        print(f"error: terminated; {_kept(options)}", file=sys.stderr)
        return EXIT_TERMINATED
    except BrokenPipeError:
        _flush()
        return EXIT_UNREAD
    except OSError as error:
        if error.errno in DISK_ERRORS and error.filename is None:
            _flush()
            print(f"error: standard output or a file cannot be written ({error.strerror}); free space", file=sys.stderr)
            return InputError.exit_status
        if error.errno == errno.ENOENT and error.filename is None:  # of `tempfile`, also when all disks are full
            print(f"error: {printable(str(error.strerror))}; free space, or name a folder in TMPDIR", file=sys.stderr)
            return InputError.exit_status
        if error.errno not in PATH_ERRORS or error.filename is None:
            raise
        print(f"error: {file_name(str(error.filename))}: {PATH_ERRORS[error.errno]}", file=sys.stderr)
        return InputError.exit_status
    return 0


def _flush() -> OSError | None:
    """Flush standard output and return its error. What is then unwritten is discarded, as Python would try again."""
    stream = sys.stdout
    if stream is None:
        return None
    try:
        stream.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


@contextmanager
def _terminable() -> Iterator[None]:
    """Make SIGTERM raise `Terminated` in this context; only the main thread may set a signal handler."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _terminate(number: int, frame: FrameType | None) -> NoReturn:
    raise Terminated


def _kept(options: argparse.Namespace | None) -> str:
    """Return the message that says what survives after SIGINT or SIGTERM."""
    return getattr(options, "what_survives", lambda: "nothing was saved")()


def _worded(error: SlantedError, command: str) -> str:
    """Return the text of an error, with a setting named as the option of the command."""
    if not isinstance(error, SettingError):
        return str(error)
    remedy = error.remedy or f"see {command} --help"
    return printable(f"{option_of(error.name)} {error.received}: must be {error.rule}; {remedy}")
