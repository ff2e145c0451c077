"""Reads policies and what AWS says of them: pure, no network."""
