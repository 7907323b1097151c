"""The reference pool of a scenario."""
