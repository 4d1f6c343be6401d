"""Keys and values of many texts in one cache, and one call of the model that reads on in them.

A step of a server calls the model once for all requests. One that writes reads the token that it
wrote last; a new one reads a part of its prompt. All these tokens stand behind each other in one
row, so nothing is padded, and the weights are fetched from memory once for all of them. Only
attention must know whose token it is: it finds the keys and values of each text in its *slot*.
"""

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention as attend
from transformers import AttentionInterface, LlamaForCausalLM

from course_lib.errors import CourseError


class Row:
    """The tokens of one call, behind each other: in which slot each is, and where in its text.

    parts   for each text: its slot, how many tokens it holds, and those that come next

    A part of one token is a *single*: all singles look back in one batch. A longer part, of a
    prompt, looks back by itself.
    """

    def __init__(self, data: Tensor, parts: Sequence[tuple[int, int, Sequence[int]]]) -> None:
        places = [(slot, past + n) for slot, past, new in parts for n in range(len(new))]
        make = partial(torch.tensor, device=data.device, dtype=torch.long)
        self.data, (self.slots, self.positions) = data, make(places).T
        self.ids = make([token for *_, new in parts for token in new])
        self.last = make([len(new) for *_, new in parts]).cumsum(0) - 1
        self.chunks, singles, first = [], [], 0
        for slot, past, new in parts:
            if len(new) == 1:
                singles.append(first)
            else:
                mask = torch.ones(len(new), past + len(new), dtype=torch.bool, device=data.device)
                here = slice(first, first + len(new))
                self.chunks.append((here, slot, mask.tril(past) if past else None))
            first += len(new)
        self.singles = make(singles)
        if singles:  # slots between them are computed for nothing: they see their first token
            self.own = self.slots[self.singles]
            ends = self.positions.new_zeros(int(self.own.max()) + 1)
            ends[self.own] = self.positions[self.singles]
            steps = torch.arange(int(ends.max()) + 1, device=data.device)
            self.mask = (steps <= ends[:, None])[:, None, None]  # (slots, 1, 1, time)

    def attend(self, layer: int, query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
        """Keep the new keys and values; each token then looks at its own text, up to itself.

        query (n_heads, tokens, head_dim), key and value (n_kv_heads, tokens, head_dim); returns
        (tokens, n_heads, head_dim). Heads that share keys are rows of one product.
        """
        keys, values = self.data[layer]  # (slots, n_kv_heads, room, head_dim)
        keys[self.slots, :, self.positions] = key.transpose(0, 1)
        values[self.slots, :, self.positions] = value.transpose(0, 1)
        mixed = query.new_empty(query.shape[1], len(query), query.shape[2])
        for here, slot, mask in self.chunks:
            time = mask.shape[1] if mask is not None else here.stop - here.start
            past = (part[slot : slot + 1, :, :time] for part in (keys, values))
            options = {"attn_mask": mask, "is_causal": mask is None, "enable_gqa": True}
            found = attend(query[None, :, here], *past, scale=scale, **options)
            mixed[here] = found[0].transpose(0, 1)
        if len(self.singles):
            width, time = len(self.mask), self.mask.shape[-1]
            shape = (width, len(key), len(query) // len(key), query.shape[2])
            asked = query.new_zeros(shape)
            asked[self.own] = query[:, self.singles].transpose(0, 1).unflatten(1, shape[1:3])
            past = (part[:width, :, :time] for part in (keys, values))
            found = attend(asked, *past, attn_mask=self.mask, scale=scale)
            mixed[self.singles] = found[self.own].flatten(1, 2)
        return mixed


def _attention(
    module: Any, query: Tensor, key: Tensor, value: Tensor, mask: Any, **options: Any
) -> tuple[Tensor, None]:
    """What transformers calls in each layer; it passes our ``row`` on."""
    row, scale = options["row"], options["scaling"]
    return row.attend(module.layer_idx, query[0], key[0], value[0], scale)[None], None


AttentionInterface.register("slots", _attention)


class Packed(nn.Module):
    """A linear layer whose weights lie in memory as a processor's products of matrices read them.

    Otherwise they are brought into that order in every call: for few tokens half of its time. It is
    what ``torch.compile`` does when it freezes a model for a CPU (oneDNN, "weights prepacking").
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.weight, self.bias = linear.weight, linear.bias
        self.packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach())

    def forward(self, x: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(x, self.packed, self.bias, "none", [], "")


_PACKED: WeakKeyDictionary[nn.Linear, tuple] = WeakKeyDictionary()


def pack(linear: nn.Linear) -> Packed:
    """Packed once for all engines of a model, and anew when its weights have changed."""
    now = linear.weight._version, linear.weight.data_ptr()
    if _PACKED.get(linear, (None,))[0] != now:
        _PACKED[linear] = now, Packed(linear)
    return _PACKED[linear][1]


def can_pack(module: nn.Module) -> bool:
    """A plain linear layer on an Intel or AMD processor, in numbers that oneDNN multiplies."""
    if type(module) is not nn.Linear or module.weight.device.type != "cpu":
        return False
    if not (torch.backends.mkldnn.is_available() and torch.cpu._is_avx2_supported()):
        return False
    short = torch.bfloat16 if torch.ops.mkldnn._is_mkldnn_bf16_supported() else None
    return module.weight.dtype in (torch.float32, short)


class Slots:
    """Keys and values of several texts, one a slot, and the call that reads on in them.

    model    transformers' Llama, with an adapter or not. It stays as it is: we call a copy of its
             modules, which has the same weights, and attention by slots.
    packed   on a CPU, the weights a second time in a quicker order, as they are now
    data     (layers, 2, slots, n_kv_heads, room, head_dim). Slots and room double when they are
             used up, and all slots have the room of the longest text: what vLLM's pages save.
    """

    def __init__(self, model: Any, packed: bool = True) -> None:
        plain = getattr(model, "get_base_model", lambda: model)()
        if not isinstance(plain, LlamaForCausalLM):  # others may slide, or cap their scores
            name = type(plain).__name__
            raise CourseError(f"{name} cannot be served here: take a Llama, say `smollm2`.")
        shared = {id(part): part for part in (*plain.parameters(), *plain.buffers())}
        self.model = copy.deepcopy(plain, shared).eval()
        self.model.set_attn_implementation("slots")
        for name, module in plain.named_modules() if packed else ():
            if can_pack(module):
                self.model.set_submodule(name, pack(module))
        config = self.model.config
        self.vocab_size, self.max_length = config.vocab_size, config.max_position_embeddings
        ends = self.model.generation_config.eos_token_id
        self.ends = set(ends if isinstance(ends, list) else [ends])
        weight = self.model.get_input_embeddings().weight
        width = getattr(config, "head_dim", config.hidden_size // config.num_attention_heads)
        shape = (config.num_hidden_layers, 2, 0, config.num_key_value_heads, 0, width)
        self.data = torch.zeros(shape, dtype=weight.dtype, device=weight.device)

    @torch.no_grad()
    def read(self, parts: Sequence[tuple[int, int, Sequence[int]]], last: int = 1) -> Tensor:
        """Read on in several slots with one call: (slot, tokens that it holds, the next ones).

        Returns the scores of what follows the ``last`` tokens of each part (parts · last,
        vocab_size), in fp32, on the CPU.
        """
        longest = max(past + len(new) for _, past, new in parts)
        self._make_room(max(slot for slot, *_ in parts) + 1, longest)
        row, back = Row(self.data, parts), torch.arange(last, device=self.data.device).flip(0)
        logits = self.model(
            input_ids=row.ids[None],
            position_ids=row.positions[None],
            attention_mask=self.data.new_zeros(1, 1, 1, 1),  # ready-made: transformers makes none
            use_cache=False,
            logits_to_keep=(row.last[:, None] - back).flatten(),
            row=row,
        ).logits
        return logits[0].float().cpu()

    def part(self, slot: int, first: int, end: int) -> Tensor:
        """Of some tokens of a text: (layers, 2, n_kv_heads, tokens, head_dim), to be written to."""
        self._make_room(slot + 1, end)
        return self.data[:, :, slot, :, first:end]

    def _make_room(self, slots: int, length: int) -> None:
        have = self.data.shape[2], self.data.shape[4]
        if slots > have[0] or length > have[1]:
            old, shape = self.data, list(self.data.shape)
            shape[2] = max(have[0], 1 << (slots - 1).bit_length())
            shape[4] = max(have[1], 1 << (length - 1).bit_length())
            self.data = old.new_zeros(shape)  # not empty: what is masked must still be a number
            self.data[:, :, : have[0], :, : have[1]] = old
