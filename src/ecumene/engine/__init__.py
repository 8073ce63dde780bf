"""From graph to value: decode, bind, evaluate, encode."""
