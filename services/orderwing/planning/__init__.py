"""Decisions as a library: costs, calendars and sourcing over the network file. Knows no Kafka and no clock."""
