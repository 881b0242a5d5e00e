"""Allocation: the plan of each part, the capacity it takes, and the moment it becomes final."""
