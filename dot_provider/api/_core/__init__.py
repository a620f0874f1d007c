"""What is true of every call: steps and their driver, settings, sending and retrying, decoding, argument checks."""
