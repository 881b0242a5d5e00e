"""What the broker's Java writes to its log."""

from collections.abc import Sequence
from pathlib import Path

_WARNINGS = """\
status = warn
appender.out.type = Console
appender.out.name = out
appender.out.layout.type = PatternLayout
appender.out.layout.pattern = %d{ISO8601} %p %c{1} %m%n
rootLogger.level = warn
rootLogger.appenderRef.out.ref = out
"""


def log_option(file: Path, told: Sequence[str] = ()) -> str:
    """Java's option for warnings, and of the loggers `told` all from INFO on; it reads `file`, which is written."""
    text = _WARNINGS
    for number, name in enumerate(told):
        text += f"logger.told{number}.name = {name}\nlogger.told{number}.level = info\n"
    file.write_text(text, "utf-8")
    return f"-Dlog4j2.configurationFile={file.as_uri()}"
