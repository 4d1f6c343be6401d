"""Fine-tuning on little memory: adapters of low rank, weights of four bits, and Falcon's traps."""

import logging

# bitsandbytes' note on the package `kernels`, at its first import, is noise: nothing here would use it.
# It is said here, because any module of this package may be the one that imports bitsandbytes first.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
