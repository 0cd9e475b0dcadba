"""The `samvad` command line: the only way to start anything, on one machine and in containers."""
