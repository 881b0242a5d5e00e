"""The whole pipeline in one process, driven by one seed, with every fault that a cluster can have."""
