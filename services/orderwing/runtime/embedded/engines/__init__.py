"""Routing engines as child processes: OSRM from a wheel, GraphHopper from a jar."""
