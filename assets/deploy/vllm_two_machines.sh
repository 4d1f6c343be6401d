#!/bin/sh
# One model over two machines, for a model that fits on neither. Run it on both, in a network of
# their own: Ray has no keys.
#   sh vllm_two_machines.sh head   FILL_IN_HEAD_ADDRESS
#   sh vllm_two_machines.sh worker FILL_IN_HEAD_ADDRESS
# The layers are split between the machines (pipeline), each layer between a machine's GPUs (tensor).
set -eu
role="$1" head="$2" gpus="${3:-1}"
if [ "$role" = worker ]; then
  exec ray start --block --address="$head:6379"
fi
ray start --head --node-ip-address="$head" --port=6379
exec vllm serve ./model --served-model-name assistant --host 127.0.0.1 --port 8000 \
  --distributed-executor-backend ray \
  --pipeline-parallel-size 2 --tensor-parallel-size "$gpus"
