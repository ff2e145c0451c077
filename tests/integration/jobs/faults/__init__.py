"""The faults of the reliability page, injected for real into one installation: see `__main__`."""
