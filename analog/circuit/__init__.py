"""Circuits as graphs: elements, devices, electrical rules, circuit equations and the linear model."""
