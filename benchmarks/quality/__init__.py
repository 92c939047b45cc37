"""How well a real model searches before and after it is tuned on pairs, and by what."""
