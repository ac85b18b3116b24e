"""Files: a user's recordings and arrays in, archives and network files both ways, and how files are written."""
