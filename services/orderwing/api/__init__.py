"""The allocation engine over HTTP."""
