"""Order management that keeps re-optimising every order until the moment it is packed, on Apache Kafka."""


def __getattr__(name: str) -> str:
    """`__version__`, looked up when it is asked for: that takes as long as a service's own modules."""
    if name != "__version__":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib.metadata import version

    return version("orderwing")
