"""One file per command: its arguments, the call into the library, and what is printed."""
