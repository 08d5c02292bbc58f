"""What all tests share."""

from __future__ import annotations

import signal

# A shell that starts a command in the background lets it ignore Ctrl-C, and every process below inherits that: tests
# of interruptions would wait for a KeyboardInterrupt that never comes.
signal.signal(signal.SIGINT, signal.default_int_handler)
