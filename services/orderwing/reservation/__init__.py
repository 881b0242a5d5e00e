"""Reservation: the owner of all stock. Holds first; allocation optimises after.

Home holds what it has and sends a slip round its neighbours for the rest (`seeking`, `slips`); once the order is
cleared and the slip is back, home alone answers (`answers`): parts, what waits, what is declined. What waits leaves
wants where it may be found (`wants`); whoever frees stock offers it to the home of those who want it.
"""
