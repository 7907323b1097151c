"""The cost of boards before they are made: unit costs, measured in seconds, and how they add up: `bench plan`."""
