"""What can go wrong with the embedded servers, as one sentence for the operator."""


class EmbeddedError(Exception):
    """The embedded broker or Redis cannot be used; the message says why and what to do."""
