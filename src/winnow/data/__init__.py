"""From corpora on disk to training examples: items, corpora, augmentation, rooms, mixing, sets, packs."""
