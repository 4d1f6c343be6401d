"""Fine-tuning on little memory: adapters of low rank, weights of four bits, and Falcon's traps."""
