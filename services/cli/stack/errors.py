"""What the stack tells a person when it cannot do as asked."""

from pathlib import Path


class StackError(Exception):
    """The message is one line that says what is wrong and what to do; `log` holds the details, if
    any."""

    def __init__(self, message: str, log: Path | None = None) -> None:
        super().__init__(message)
        self.log = log

    def tail(self, lines: int = 20) -> str:
        """The last lines of the log that explains the failure, empty where there is none."""
        if self.log is None or not self.log.exists():
            return ""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])
