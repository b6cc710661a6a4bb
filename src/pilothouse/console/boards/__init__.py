"""What the dashboards show, one module for each: from figures to tiles and panels. Knows nothing of HTTP."""
