"""A service beside the stages: prices of stock, made anew from the log as the day goes."""
