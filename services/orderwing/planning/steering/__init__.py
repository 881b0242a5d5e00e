"""Steering: prices of stock that make decisions taken one by one add up to the plan of the period."""
