"""Puts the engine in front of peers that are not ours, each test in namespaces of its own."""
