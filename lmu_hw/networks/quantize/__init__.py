"""Networks in integers: formats from calibration data, the plan of software and hardware, the bit-true model."""
