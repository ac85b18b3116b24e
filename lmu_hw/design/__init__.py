"""What a user asks for: a memory or a network with every option of its hardware, from flags and TOML files."""
