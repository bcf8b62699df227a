"""Calendar files (ICS) and Atom feeds of lists. A page declares what its rows are: `Page.feeds`."""
