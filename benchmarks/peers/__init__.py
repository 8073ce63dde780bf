"""The contestants, a module each; ``benchmarks.worker`` runs one of them in a process of its own."""
