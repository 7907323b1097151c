"""A scenario: everything that makes two results comparable."""
