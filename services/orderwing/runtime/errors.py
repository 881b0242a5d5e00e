"""What an operator is told."""


class OperatorError(Exception):
    """Something the operator can set right; the message is one sentence that says what is wrong and what to do."""
