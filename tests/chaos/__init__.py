"""Operations under fire: whatever is killed, each one that was accepted ends once, with the same bytes."""
