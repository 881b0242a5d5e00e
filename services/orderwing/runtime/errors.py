"""What an operator is told."""

START_AGAIN = 75  # EX_TEMPFAIL: fenced, or a client beyond repair; a new process goes on


class OperatorError(Exception):
    """Something the operator can set right; the message is one sentence that says what is wrong and what to do."""


class TopicMissingError(OperatorError):
    """A topic is not there yet."""
