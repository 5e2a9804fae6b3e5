"""The rules of scripts/lint, one module each."""
