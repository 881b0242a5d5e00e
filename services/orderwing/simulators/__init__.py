"""Outside parties behind their real interfaces. They share contracts with the product and nothing else."""
