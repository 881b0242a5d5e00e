"""The adapters that run the stages: buses, clocks, processes, servers."""
