"""What a LiteRT file may be asked to be; read before anything is imported."""

QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
IO_TYPES = ("float32", "uint8")
SIDES = (32, 4096)  # Pixels, the least and the most.
