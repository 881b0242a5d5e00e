"""Dispatch: releases frozen shipments to warehouses, and follows them to the door."""
