"""Fine-tuning on little memory: adapters of low rank, weights of four bits, and Falcon's traps."""

import logging

# bitsandbytes' note on the package `kernels`, at its first import (peft imports it), is noise here.
logging.getLogger("bitsandbytes").setLevel(logging.ERROR)
