"""Files: reading a user's recordings and arrays, reading and writing archives of arrays, and writing files safely."""
