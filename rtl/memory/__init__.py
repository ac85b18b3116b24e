"""Memories in hardware, a file for each datapath: its schedule or program together with its component."""
