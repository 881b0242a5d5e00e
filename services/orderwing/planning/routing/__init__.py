"""Vehicle routing where stops may be left for their prize, from one depot or several, in one trip or several."""
