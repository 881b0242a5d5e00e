"""How fast the pipeline is, beside a bare chain of copies on the same broker in the same run."""
