"""What rules may name: kinds and measures, metrics, words, and the scope answers of a center.

tables   loads the four files below once
kinds.yaml metrics.yaml words.yaml profile.yaml
"""
