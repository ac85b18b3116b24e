"""What a circuit does with real parts: noise, sensitivities, Monte Carlo, tolerances, requirements."""
