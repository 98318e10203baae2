"""What rules may name: kinds and measures, metrics, words, and the scope answers of a center.

tables   loads the five files below once
feeds    what can feed a kind or measure today
kinds.yaml measures.yaml metrics.yaml words.yaml profile.yaml
"""
