"""What the benchmark scripts share: sound files, material, measures, peers, the report."""
