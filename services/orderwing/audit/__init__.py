"""The auditor: judges a run from its topics and the outside ledgers alone. Imports no stage, no runner."""
