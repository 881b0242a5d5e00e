"""The contracts of orderwing: domain values, events and topics. Pydantic only; imports nothing of the services."""
