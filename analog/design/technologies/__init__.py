"""What stages are made of: op-amps with resistors, single-ended or differential, and transconductors."""
