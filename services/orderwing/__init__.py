"""Order management that keeps re-optimising every order until the moment it is packed, on Apache Kafka."""

from importlib.metadata import version

__version__ = version("orderwing")
