"""Orders onto drivers, and each driver's route: `plan(problem, budget, seed)`, `verify(problem, plan)`."""
