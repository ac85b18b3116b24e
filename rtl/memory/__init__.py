"""Memories in hardware, a file for each datapath: its program and its component together."""
