"""What runs say: figures with intervals, gates, comparisons, and reports of them. Plain functions over outcomes."""
