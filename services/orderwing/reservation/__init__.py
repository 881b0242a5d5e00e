"""Reservation: the owner of all stock. Holds first; allocation optimises after."""
