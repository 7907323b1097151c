"""The queue of a competition: a discrete-event simulation, closed forms to hold it against, tables and a plot."""
