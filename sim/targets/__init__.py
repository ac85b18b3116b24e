"""What can be simulated: memories, networks and spiking memories, each with its bench."""
