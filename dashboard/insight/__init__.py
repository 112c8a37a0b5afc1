"""What the numbers mean: forecasts, budgets, anomalies and what needs attention. Pure: rows in, findings out, no pages."""
