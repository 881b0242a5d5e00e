"""Is this order honest: velocity, amounts and further rules by customer, and a queue for human eyes."""
