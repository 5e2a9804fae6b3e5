"""The tests, a file for each thing they are about."""
