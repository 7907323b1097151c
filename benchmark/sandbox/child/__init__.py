"""All that runs inside the sandbox."""
