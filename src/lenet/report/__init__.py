"""Results as text, figures and pages: plain arrays and records in, never a torch module."""
