"""Digital spiking neurons: the plan of a spiking memory in integers, its neurons, its integer model."""
